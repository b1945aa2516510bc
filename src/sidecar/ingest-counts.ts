/** Counts received attempts by what became of them, for the sidecar's metrics. */
import type { OtlpCounts } from '../receive/otlp/handler.ts'
import { OTLP_SIGNALS } from '../server/paths.ts'

/** Totals since the process started. Every known label value is present from the start. */
export interface IngestTotals {
  readonly accepted: number
  readonly duplicate: number
  readonly rejected: number
  /** By reason. */
  readonly refused: ReadonlyMap<string, number>
  /** By OTLP signal. */
  readonly ignored: ReadonlyMap<string, number>
}

export interface IngestCounts {
  /** What receivers report to. */
  readonly counts: Required<OtlpCounts>
  readonly totals: IngestTotals
}

/** The reason for a refusal by its HTTP status. All other statuses count as `store`. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [429, 'overloaded'],
  [503, 'store'],
])

export function createIngestCounts(): IngestCounts {
  const totals = {
    accepted: 0,
    duplicate: 0,
    rejected: 0,
    refused: new Map(Array.from(REASONS.values(), reason => [reason, 0])),
    ignored: new Map<string, number>(OTLP_SIGNALS.map(signal => [signal, 0])),
  }
  const add = (counts: Map<string, number>, name: string, n: number): void =>
    void counts.set(name, (counts.get(name) ?? 0) + n)
  return {
    totals,
    counts: {
      accepted: n => {
        totals.accepted += n
      },
      duplicate: n => {
        totals.duplicate += n
      },
      rejected: n => {
        totals.rejected += n
      },
      refused: (status, n) => add(totals.refused, REASONS.get(status) ?? 'store', n),
      ignored: (signal, n) => add(totals.ignored, signal, n),
    },
  }
}
