/** Counts of gRPC: calls by method and status, and clients that speak it to the HTTP port. */
import type { Logger } from 'pino'

export interface GrpcCounts {
  /** Counts a call by its method (a signal, or `other`) and its gRPC status. */
  count(method: string, code: number): void
  /** Counts a connection to the HTTP port that begins as HTTP/2 does. The first one is logged. */
  countMisdirected(): void
  readonly misdirected: number
  /** One sample for each combination that has occurred. */
  samples(): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

export function createGrpcCounts(log: Pick<Logger, 'warn'>): GrpcCounts {
  const calls = new Map<string, Map<number, number>>()
  let misdirected = 0
  return {
    count(method, code) {
      const byCode = calls.get(method) ?? new Map<number, number>()
      calls.set(method, byCode.set(code, (byCode.get(code) ?? 0) + 1))
    },
    countMisdirected() {
      if (misdirected++ > 0) return
      log.warn(
        'a client speaks HTTP/2 to the HTTP port, as OTLP over gRPC does: set its OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, or start the sidecar with --otlp-grpc and send to that port. Later ones are only counted',
      )
    },
    get misdirected() {
      return misdirected
    },
    samples: () =>
      [...calls].flatMap(([method, byCode]) =>
        Array.from(byCode, ([code, value]) => ({ labels: { method, code: String(code) }, value })),
      ),
  }
}
