import { z } from 'zod'
import { span, totalAttempts } from '../core/aggregate/summary.ts'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { Selection } from '../core/reports/selection.ts'
import { createEventLoopYield } from '../lib/event-loop.ts'
import { attempts, names } from './answer-schemas.ts'
import { selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

/** An experiment in the list. */
export interface ListedExperiment {
  readonly experiment: string
  /** In the order of their first attempts. */
  readonly variants: readonly string[]
  readonly total_attempts: number
  /** RFC 3339. Null without attempts. */
  readonly last_attempt: string | null
  /** The stored end, RFC 3339. */
  readonly end: string | null
}

export interface ExperimentList {
  readonly experiments: readonly ListedExperiment[]
}

const listed: ObjectSchema<ListedExperiment> = objectSchema('ListedExperiment', {
  experiment: z.string(),
  variants: names.meta({ description: 'Its variants, in the order of their first attempts.' }),
  total_attempts: attempts,
  last_attempt: z
    .string()
    .nullable()
    .meta({ description: 'End of its last attempt, RFC 3339. Null without attempts.' }),
  end: z.string().nullable().meta({ description: 'The stored end: attempts from then on do not count.' }),
})

const answer: ObjectSchema<ExperimentList> = objectSchema('ExperimentList', {
  experiments: z.array(listed).meta({ description: 'The last one with an attempt first.' }),
})

export const experiments: Question<'experiments', Selection, ExperimentList> = defineQuestion({
  path: 'experiments',
  summary: 'The experiments with attempts or a plan, the latest first',
  parameters: z.strictObject(selection),
  answer,
  example: {},
  async run(facts, { range, filter }, signal) {
    const yieldToEventLoop = createEventLoopYield()
    const found: (ListedExperiment & { readonly lastMs: number })[] = []
    for (const experiment of facts.experiments()) {
      const arms = await facts.arms(experiment, range, filter, signal)
      const lastMs = arms.reduce((last, { summary }) => Math.max(last, span(summary)?.lastMs ?? last), NEVER)
      const { endMs } = facts.experimentPlan(experiment) ?? {}
      found.push({
        experiment,
        variants: arms.map(({ variant }) => variant),
        total_attempts: arms.reduce((sum, { summary }) => sum + totalAttempts(summary), 0),
        last_attempt: timeText(lastMs),
        end: endMs === undefined ? null : timeText(endMs),
        lastMs,
      })
      await yieldToEventLoop()
    }
    return { experiments: found.sort((a, b) => b.lastMs - a.lastMs).map(({ lastMs: _, ...one }) => one) }
  },
})

const NEVER = Number.NEGATIVE_INFINITY

const timeText = (ms: number): string | null => (ms === NEVER ? null : printTimestamp({ ms, local: false }))
