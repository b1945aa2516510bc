import { z } from 'zod'
import type { TimeRange } from '../core/ports.ts'
import { type AgentChange, CHANGE_DIRECTIONS, type ChangeReport, changeSteps } from '../core/reports/changes.ts'
import { type AnsweredRange, printRange } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, probability, rate, rateDifference } from './answer-schemas.ts'
import { count, selection, text } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface ChangesQuery extends Selection {
  /** Agents at most, 1 to 1,000. 50 by default. */
  readonly limit?: number | undefined
}

/** A {@link ChangeReport}, and the period before the range. */
export interface Changes extends ChangeReport {
  readonly earlier_range: AnsweredRange
}

const direction = z.enum(CHANGE_DIRECTIONS)
const points = z.number().meta({ description: 'In percentage points.' })

const agentChange: ObjectSchema<AgentChange> = objectSchema('AgentChange', {
  agent_name: z.string(),
  direction: direction.meta({
    description:
      'Whether its rate at the same work has changed by more than chance. Of the agents that are named so at one look, at most 0.1 % on average have not changed.',
  }),
  earlier: rate.nullable().meta({ description: 'Its rate in the earlier period, in percent. Null without attempts.' }),
  later: rate.nullable().meta({ description: 'Its rate in the range, in percent. Null without attempts.' }),
  compared_attempts: attempts.meta({
    description: 'Attempts of both periods at the models and issue types that both have. Only they are compared.',
  }),
  adjusted_difference: points.nullable().meta({
    description:
      'The later rate minus the earlier rate at the same mix of models and issue types, in percentage points. Null if no model and issue type is in both periods.',
  }),
  adjusted_difference_interval: strictObject({ low: points, high: points, method: z.literal('mover') })
    .nullable()
    .meta({ description: '95 % interval in percentage points, for one look at one agent.' }),
  p_value: probability.nullable().meta({
    description:
      'Two-sided p-value of “no change at the same work”, 0 to 1, for one look at one agent. Null if nothing is compared.',
  }),
})

const answer: ObjectSchema<Changes> = objectSchema('Changes', {
  earlier_range: strictObject({ since: z.string(), until: z.string() }).meta({
    description: 'The period that the range is compared with: as long, and right before it.',
  }),
  earlier: rate
    .nullable()
    .meta({ description: 'The rate of all attempts in the earlier period, in percent. Null without attempts.' }),
  later: rate
    .nullable()
    .meta({ description: 'The rate of all attempts in the range, in percent. Null without attempts.' }),
  change: rateDifference.nullable().meta({
    description:
      'The range compared with the earlier period, in percentage points, whatever the work was. Null if one of them has no attempts.',
  }),
  direction: direction.meta({ description: 'Which way the rate of all attempts moves, as `change` says.' }),
  agents_compared: z.int().min(0).meta({ description: 'Agents with a model and an issue type in both periods.' }),
  agents: z
    .array(agentChange)
    .meta({ description: 'Those that have changed first, then by the size of the difference, at most `limit`.' }),
})

export const changes: Question<'changes', ChangesQuery, Changes> = defineQuestion({
  path: 'changes',
  summary: 'What changed since yesterday: the range compared with the equally long period before it, and by agent',
  parameters: z.strictObject({
    ...selection,
    since: text(
      'Start of the range that is compared with the period before it. By default 24 hours before its end',
      'time',
    ).default('24h'),
    limit: count('Agents at most', 1, 1000).default(50),
  }),
  answer,
  example: {},
  async run(facts, { range, filter, limit, nowMs }, signal) {
    const before = facts.clip(periodBefore(range!, nowMs))
    const earlier = await facts.summaries(before, filter, signal)
    const later = await facts.summaries(range, filter, signal)
    const report = await runYielding(changeSteps(earlier, later, limit), signal)
    return { earlier_range: printRange(before), ...report }
  },
})

/** The period that ends where `range` begins, and is as long. A range without an end lasts until now. */
function periodBefore({ sinceMs, untilMs }: TimeRange, nowMs: number): TimeRange {
  const lengthMs = Math.min(untilMs, Math.max(nowMs, sinceMs + 1)) - sinceMs
  return { sinceMs: sinceMs - lengthMs, untilMs: sinceMs }
}
