/** Counts received attempts by what became of them, for the sidecar's metrics. */

import { EXCLUSIONS } from '../receive/otlp/extractor.ts'
import type { OtlpCounts } from '../receive/otlp/handler.ts'
import { REPAIRS } from '../receive/otlp/repair.ts'
import { OUTCOME_RESULTS, type OutcomeCounts } from '../receive/outcome-keeper.ts'
import { OTLP_SIGNALS } from '../server/paths.ts'

/** Totals since the process started. Every known label value is present from the start. */
export interface IngestTotals {
  readonly accepted: number
  readonly duplicate: number
  readonly rejected: number
  /** By reason. */
  readonly refused: ReadonlyMap<string, number>
  /** Outcomes, by result. */
  readonly outcomes: ReadonlyMap<string, number>
  /** By OTLP signal. */
  readonly ignored: ReadonlyMap<string, number>
  /** Ignored OTLP records that a rule matches, by reason. */
  readonly excluded: ReadonlyMap<string, number>
  /** Changed fields of OTLP records, by what was done. */
  readonly repaired: ReadonlyMap<string, number>
  /** Model calls that came after their run. */
  readonly late: number
  /** Metric points that several processes count in one series. */
  readonly overlapping: number
}

export interface IngestCounts {
  /** What receivers report to. */
  readonly counts: Required<OtlpCounts> & OutcomeCounts
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
    outcomes: zeroes(OUTCOME_RESULTS),
    ignored: zeroes(OTLP_SIGNALS),
    excluded: zeroes(EXCLUSIONS),
    repaired: zeroes(REPAIRS),
    late: 0,
    overlapping: 0,
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
      outcomes: (result, n) => add(totals.outcomes, result, n),
      ignored: (signal, n) => add(totals.ignored, signal, n),
      excluded: (reason, n) => add(totals.excluded, reason, n),
      repaired: (repair, n) => add(totals.repaired, repair, n),
      late: n => {
        totals.late += n
      },
      overlapping: n => {
        totals.overlapping += n
      },
    },
  }
}

const zeroes = (names: readonly string[]): Map<string, number> => new Map(names.map(name => [name, 0]))
