import { z } from 'zod'
import {
  type AgentMetrics,
  agentMetrics,
  namedRecord,
  printDocument,
  uniqueKeyPrinter,
} from '../core/aggregate/metrics.ts'
import type { RecentResult } from '../core/aggregate/recent.ts'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { KeySummary } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { forEachKey } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attemptKey, attempts, probability } from './answer-schemas.ts'
import { flag, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface MetricsQuery extends Selection {
  /** Whether the answer includes `recent_results`. True by default. */
  readonly recent?: boolean | undefined
}

/** An entry of the documented file. */
export interface MetricsEntry extends Omit<AgentMetrics, 'recent_results'> {
  readonly recent_results?: AgentMetrics['recent_results'] | undefined
}

/** The documented file. */
export interface MetricsAnswer {
  readonly version: '1.0'
  readonly last_updated: string
  readonly metrics: Record<string, MetricsEntry>
}

const recentResult: ObjectSchema<RecentResult> = objectSchema('RecentResult', {
  timestamp: z.string(),
  ...attemptKey.shape,
  success: z.boolean().meta({ description: 'Whether the attempt succeeded.' }),
  confidence: probability.nullable().meta({ description: 'Stated confidence, 0 to 1. Null if none was stated.' }),
  time_seconds: z.number().min(0).meta({ description: 'Duration in seconds.' }),
})

const metricsEntry: ObjectSchema<MetricsEntry> = objectSchema('MetricsEntry', {
  ...attemptKey.shape,
  total_attempts: attempts,
  successful_fixes: attempts,
  failed_fixes: attempts,
  avg_confidence: probability.meta({ description: 'Mean stated confidence, 0 to 1. 0 if none was stated.' }),
  avg_time_seconds: z.number().min(0),
  recent_results: z
    .array(recentResult)
    .optional()
    .meta({ description: 'The last 100 attempts, oldest first. Absent with recent=false.' }),
})

export const metrics: Question<'metrics', MetricsQuery, MetricsAnswer> = defineQuestion({
  path: 'metrics',
  summary: 'The documented file: totals, averages and the last 100 attempts of every key',
  parameters: z.strictObject({ ...selection, recent: flag('Include recent_results').default(true) }),
  answer: strictObject({
    version: z.literal('1.0').meta({ description: 'Version of the document.' }),
    last_updated: z.string(),
    metrics: byName(metricsEntry, 'By the printed name of the key.'),
  }),
  example: {},
  async run(facts, { range, filter, nowMs, recent }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    const printed = uniqueKeyPrinter()
    const metrics = namedRecord<MetricsEntry>([])
    const steps = forEachKey(
      summaries,
      one => {
        metrics[printed(one.key)] = agentMetrics(one, recent, range)
      },
      1,
    )
    await runYielding(steps, signal)
    return { version: '1.0', last_updated: printTimestamp({ ms: nowMs, local: false }), metrics }
  },
  async print(facts, { range, answered, filter, nowMs, recent }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    const entry = (one: KeySummary): AgentMetrics => agentMetrics(one, recent, range)
    return printDocument(summaries, printTimestamp({ ms: nowMs, local: false }), entry, { ...answered })
  },
})
