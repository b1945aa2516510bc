/** Extracts the attempts of a decoded request of log records, and counts the points of a request of metrics. */

import { createExtractor, type Extracted, nothingExtracted } from './extractor.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { logPosition } from './mapping/record.ts'
import { logRules } from './mapping/rules.ts'
import type { MetricsRequest } from './metrics/schema.ts'
import type { LogsRequest } from './schema.ts'

/** Log records by the enabled rules for them. Total. */
export function extractLogs({ resourceLogs }: LogsRequest, mapping: OtlpMapping): Extracted {
  const { extracted, takeRecord } = createExtractor(logRules(mapping), logPosition)
  for (const [i, { resource, scopeLogs }] of (resourceLogs ?? []).entries()) {
    for (const [j, { scope, logRecords }] of (scopeLogs ?? []).entries()) {
      for (const [k, record] of (logRecords ?? []).entries())
        takeRecord({ record, resource, scope, i, j, k, values: undefined, isUnescaped: false })
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
