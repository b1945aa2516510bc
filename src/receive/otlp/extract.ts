/** Extracts the attempts of a request of log records, and counts the points of a request of metrics. */
import { createExtractor, type Extracted, nothingExtracted } from './extractor.ts'
import { readJsonLogs } from './json-records.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { logPosition } from './mapping/record.ts'
import { logRules } from './mapping/rules.ts'
import type { MetricsRequest } from './metrics/schema.ts'
import { readRecords } from './protobuf/read-records.ts'
import type { LogsRequest } from './schema.ts'

/**
 * Log records by the enabled rules for them, of protobuf bytes or of JSON that the schema accepts. Throws an OtlpDecodeError where the bytes
 * are damaged, and nothing else.
 */
export function extractLogs(request: Buffer | LogsRequest, mapping: OtlpMapping): Extracted {
  const rules = logRules(mapping)
  const { extracted, takeRecord } = createExtractor(rules, logPosition)
  if (Buffer.isBuffer(request)) readRecords('logs', request, rules.attributes, takeRecord)
  else readJsonLogs(request, rules.attributes, takeRecord)
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
