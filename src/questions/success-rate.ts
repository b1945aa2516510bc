import { z } from 'zod'
import type { StopSignal } from '../core/ports.ts'
import {
  defaultGrouping,
  GROUPINGS,
  type GroupedRates,
  type Grouping,
  groupedRateSteps,
  overallRateSteps,
  successRateSteps,
} from '../core/reports/grouped-rates.ts'
import type { Rate } from '../core/reports/rate.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { grouping, rate } from './answer-schemas.ts'
import { choice, selection } from './parameters.ts'
import { parseQuery } from './parse-query.ts'
import { defineQuestion, type Facts, type ParsedQuery, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

export interface SuccessRateQuery extends Selection {
  /** By default it depends on the names that are given. */
  readonly group_by?: Grouping | undefined
}

const groupedRates: ObjectSchema<GroupedRates> = objectSchema('GroupedRates', {
  group_by: grouping,
  success_rates: byName(z.number(), 'Success rates in percent, by group.'),
  details: byName(rate, 'The same rates in percent with their intervals.'),
})

/** The rate of one key if all three names and no `group_by` are given. Otherwise the rates of groups. */
export const successRate: Question<'success-rate', SuccessRateQuery, Rate | GroupedRates> = defineQuestion({
  path: 'success-rate',
  summary: 'Success rate in percent: of one key when all three names are given, else by group',
  parameters: z.strictObject({ ...selection, group_by: choice(GROUPINGS, 'What to group by').optional() }),
  answer: z.union([rate, groupedRates]),
  example: {},
  async run(facts, { range, filter, group_by }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    const by = group_by ?? defaultGrouping(filter)
    return await runYielding<Rate | GroupedRates>(
      by === undefined ? overallRateSteps(summaries) : groupedRateSteps(summaries, by),
      signal,
    )
  },
})

/** The rates of {@link successRate} alone, as the library documents them. */
export async function plainSuccessRates(
  facts: Facts,
  given: SuccessRateQuery,
  nowMs: number,
  signal: StopSignal | undefined,
): Promise<number | Record<string, number>> {
  const { filter, range, group_by } = parseQuery(successRate, given, nowMs) as ParsedQuery<SuccessRateQuery>
  const summaries = await facts.summaries(range, filter, signal)
  const by = group_by ?? defaultGrouping(filter)
  if (by !== undefined) return await runYielding(successRateSteps(summaries, by), signal)
  return (await runYielding(overallRateSteps(summaries), signal)).success_rate
}
