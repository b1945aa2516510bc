import { z } from 'zod'
import { countsOfAllSteps } from '../core/aggregate/group-totals.ts'
import type { KeyFilter, StopSignal, TimeRange } from '../core/ports.ts'
import type { KeyDrift } from '../core/reports/drift-report.ts'
import { intervalSteps } from '../core/reports/intervals.ts'
import {
  type AgentAttempts,
  agentAttemptSteps,
  type MixChange,
  mixChange,
  partsOf,
} from '../core/reports/mix-change.ts'
import type { Selection } from '../core/reports/selection.ts'
import { type TrendPoint, type TrendReport, trendSteps } from '../core/reports/trends.ts'
import type { TaskCounts } from '../core/statistics/clusters.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attemptKey, drift, rate, rateDifference } from './answer-schemas.ts'
import { length, selection } from './parameters.ts'
import { defineQuestion, type Facts, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

export interface TrendsQuery extends Selection {
  /** Minimum length of an interval, such as `1h` or `7d`. By default it depends on the range. */
  readonly interval?: string | undefined
}

const point: ObjectSchema<TrendPoint> = objectSchema('TrendPoint', {
  since: z.string(),
  until: z.string(),
  ...rate.shape,
})

const keyDrift: ObjectSchema<KeyDrift> = objectSchema('KeyDrift', { ...attemptKey.shape, ...drift.shape })

const answer: ObjectSchema<TrendReport> = objectSchema('TrendReport', {
  since: z.string().nullable(),
  until: z.string().nullable(),
  interval_seconds: z.number().min(0),
  points: z.array(point).meta({ description: 'The success rate of every interval, in percent.' }),
  direction: z.enum(['improving', 'degrading', 'cannot_tell_yet']).meta({
    description: 'Which way the success rate moves, as `change` says. For one look: the halves move.',
  }),
  earlier_half: rate
    .nullable()
    .meta({ description: 'The success rate of the earlier half, in percent. Null without attempts.' }),
  later_half: rate
    .nullable()
    .meta({ description: 'The success rate of the later half, in percent. Null without attempts.' }),
  change: rateDifference.nullable().meta({
    description:
      'The later half of the attempts compared with the earlier half, in percentage points. Null if one has no attempts.',
  }),
  verdict: z.string().meta({
    description: 'One verdict in words from the direction, the drifts, and a change of the mix of agents.',
  }),
  drifted_keys: z
    .array(keyDrift)
    .meta({ description: 'The keys with an alarm at the end of the range. Each run of a task counts as independent.' }),
  agents: byName(drift, 'Every agent with enough attempts. Each run of a task counts as independent.'),
})

export const trends: Question<'trends', TrendsQuery, TrendReport> = defineQuestion({
  path: 'trends',
  summary:
    'Rate per interval, its direction, what has drifted from its baseline as at the end of the range, and a verdict in words',
  command: 'trends',
  parameters: z.strictObject({
    ...selection,
    interval: length('Least length of an interval (default: about 30 of them)').optional(),
  }),
  answer,
  example: { interval: '1h' },
  async run(facts, { range, filter, interval, zone, nowMs }, signal) {
    const life = await facts.summaries(undefined, filter, signal)
    const options = { nowMs, requestedMs: interval, zone, held: facts }
    const { lengthMs, ranges } = await runYielding(intervalSteps(range, life, options), signal)
    const counts: TaskCounts[] = []
    for (const one of ranges) {
      const summaries = await facts.summaries(one, filter, signal)
      counts.push(await runYielding(countsOfAllSteps(summaries), signal))
    }
    const mix = filter.agent_name === undefined ? await mixOf(facts, filter, ranges, counts, signal) : undefined
    return await runYielding(trendSteps(ranges, counts, life, lengthMs, mix), signal)
  },
})

async function mixOf(
  facts: Facts,
  filter: KeyFilter,
  ranges: readonly TimeRange[],
  counts: readonly TaskCounts[],
  signal: StopSignal | undefined,
): Promise<MixChange | undefined> {
  const parts = partsOf(ranges, counts)
  if (parts === undefined) return undefined
  const attempts = async (range: TimeRange): Promise<AgentAttempts> =>
    await runYielding(agentAttemptSteps(await facts.summaries(range, filter, signal)), signal)
  return mixChange(await attempts(parts.earlier), await attempts(parts.later))
}
