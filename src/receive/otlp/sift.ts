/** A request -> the attempts in it, what was meant as one and is not, and how much else there was. */
import type { OtlpMapping } from './mapping/mapping.ts'
import { logPosition, spanPosition } from './mapping/record.ts'
import { logRules, spanRules } from './mapping/rules.ts'
import type { MetricsRequest } from './metrics/schema.ts'
import type { LogsRequest, TracesRequest } from './schema.ts'
import { createSifting, nothingSifted, type Sifted } from './sifting.ts'

/** Log records by the enabled rules for them. Total. */
export function siftLogs({ resourceLogs }: LogsRequest, mapping: OtlpMapping): Sifted {
  const { sifted, take } = createSifting(logRules(mapping), logPosition)
  for (const [i, { resource, scopeLogs }] of (resourceLogs ?? []).entries()) {
    for (const [j, { logRecords }] of (scopeLogs ?? []).entries()) {
      for (const [k, record] of (logRecords ?? []).entries())
        take({ record, resource, i, j, k, values: undefined, isPlain: false })
    }
  }
  return sifted
}

/** Spans by the enabled rules for them. Total. */
export function siftSpans({ resourceSpans }: TracesRequest, mapping: OtlpMapping): Sifted {
  const { sifted, take } = createSifting(spanRules(mapping), spanPosition)
  for (const [i, { resource, scopeSpans }] of (resourceSpans ?? []).entries()) {
    for (const [j, { spans }] of (scopeSpans ?? []).entries()) {
      for (const [k, span] of (spans ?? []).entries())
        take({ record: span, resource, i, j, k, values: undefined, isPlain: false })
    }
  }
  return sifted
}

/** Metrics say nothing of single attempts, and the same attempts may come as records too: their points are counted as ignored. */
export function siftMetrics({ resourceMetrics }: MetricsRequest): Sifted {
  const sifted = nothingSifted()
  for (const { scopeMetrics } of resourceMetrics ?? []) {
    for (const { metrics } of scopeMetrics ?? []) {
      for (const { sum, histogram, gauge, exponentialHistogram, summary } of metrics ?? []) {
        const points = (sum ?? histogram ?? gauge ?? exponentialHistogram ?? summary)?.dataPoints
        sifted.ignored += points?.length ?? 0
      }
    }
  }
  return sifted
}
