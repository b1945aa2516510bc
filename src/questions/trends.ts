import { z } from 'zod'
import { countsOfAllSteps } from '../core/aggregate/group-totals.ts'
import { type Coverage, RangeNotHeld } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { intervalSteps, type KeyDrift, type TrendPoint, type TrendReport, trendSteps } from '../core/reports/trends.ts'
import type { TaskCounts } from '../core/statistics/clusters.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attemptKey, drift, rate, rateDifference } from './answer-schemas.ts'
import { length, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
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
  points: z.array(point),
  direction: z.enum(['improving', 'degrading', 'cannot_tell_yet']),
  evidence: rateDifference,
  drifted_keys: z.array(keyDrift),
  agents: byName(drift, 'Every agent with enough attempts.'),
})

export const trends: Question<'trends', TrendsQuery, TrendReport> = defineQuestion({
  path: 'trends',
  summary: 'Rate per interval, its direction, and what has drifted from its baseline as at the end of the range',
  command: 'trends',
  parameters: z.strictObject({
    ...selection,
    interval: length('Least length of an interval (default: about 30 of them)').optional(),
  }),
  answer,
  example: { interval: '1h' },
  async run(facts, { range, filter, since, interval, nowMs }, signal) {
    const [life, all] = await Promise.all([
      facts.summaries(undefined, filter, signal),
      facts.summaries(undefined, undefined, signal),
    ])
    const coverageAt = (sinceMs: number): Coverage => facts.coverage(sinceMs)
    if (since !== undefined) refuseUnheld(range!.sinceMs, coverageAt)
    const intervals = await runYielding(intervalSteps(range, life, nowMs, interval, coverageAt), signal)
    const counts: TaskCounts[] = []
    for (const one of intervals) {
      const summaries = await facts.summaries(one, filter, signal)
      counts.push(await runYielding(countsOfAllSteps(summaries), signal))
    }
    return await runYielding(trendSteps(intervals, counts, life, all), signal)
  },
})

function refuseUnheld(sinceMs: number, coverageAt: (sinceMs: number) => Coverage): void {
  const { earliestMs } = coverageAt(sinceMs)
  if (sinceMs < earliestMs) throw new RangeNotHeld(earliestMs)
}
