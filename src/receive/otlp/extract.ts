/** Extracts the attempts of a decoded request. */

import { createExtractor, type Extracted, nothingExtracted } from './extractor.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { logPosition, spanPosition } from './mapping/record.ts'
import { logRules, spanRules } from './mapping/rules.ts'
import type { MetricsRequest } from './metrics/schema.ts'
import type { LogsRequest, TracesRequest } from './schema.ts'

/** Log records by the enabled rules for them. Total. */
export function extractLogs({ resourceLogs }: LogsRequest, mapping: OtlpMapping): Extracted {
  const { extracted, take } = createExtractor(logRules(mapping), logPosition)
  for (const [i, { resource, scopeLogs }] of (resourceLogs ?? []).entries()) {
    for (const [j, { logRecords }] of (scopeLogs ?? []).entries()) {
      for (const [k, record] of (logRecords ?? []).entries())
        take({ record, resource, i, j, k, values: undefined, isUnescaped: false })
    }
  }
  return extracted
}

/** Spans by the enabled rules for them. Total. */
export function extractSpans({ resourceSpans }: TracesRequest, mapping: OtlpMapping): Extracted {
  const { extracted, take } = createExtractor(spanRules(mapping), spanPosition)
  for (const [i, { resource, scopeSpans }] of (resourceSpans ?? []).entries()) {
    for (const [j, { spans }] of (scopeSpans ?? []).entries()) {
      for (const [k, span] of (spans ?? []).entries())
        take({ record: span, resource, i, j, k, values: undefined, isUnescaped: false })
    }
  }
  return extracted
}

/** Counts all data points as ignored: the sidecar does not read metrics unless asked to. */
export function ignoreMetrics({ resourceMetrics }: MetricsRequest): Extracted {
  const extracted = nothingExtracted()
  for (const { scopeMetrics } of resourceMetrics ?? []) {
    for (const { metrics } of scopeMetrics ?? []) {
      for (const { sum, histogram, gauge, exponentialHistogram, summary } of metrics ?? []) {
        const points = (sum ?? histogram ?? gauge ?? exponentialHistogram ?? summary)?.dataPoints
        extracted.ignored += points?.length ?? 0
      }
    }
  }
  return extracted
}
