/** What a question's query string may say: one zod schema a question, the same that /openapi.json is made from. */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { parseDuration } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'
import type { AttemptOrder, KeyFilter, TimeRange } from '../core/ports.ts'
import { RANKINGS, type Ranking } from '../core/reports/best-agent.ts'
import { FAIR_GROUPINGS, type FairGrouping } from '../core/reports/fair-report.ts'
import { GROUPINGS, type Grouping } from '../core/reports/grouped-rates.ts'
import { parseRange } from '../core/reports/range.ts'
import { queryOf } from '../server/paths.ts'
import { type ParameterFault, type Problem, parameterProblem } from '../server/problem.ts'

const TIME_HELP = 'an RFC 3339 time, or a length back from now such as 15m, 24h, 7d'

const name = (description: string): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .refine(value => nameProblem(value) === undefined, { error: issue => nameProblem(issue.input) ?? 'is not a name' })
    .meta({ description })
    .optional()

/** A number in plain decimal digits: `Number` alone would take `0x10`, ` 5` and nothing at all for one. */
const numeral = (form: RegExp, schema: z.ZodNumber): z.ZodType<number> =>
  z.preprocess(text => (typeof text === 'string' && form.test(text) ? Number(text) : text), schema)

const whole = (description: string, min: number, max: number, preset: number): z.ZodDefault<z.ZodType<number>> =>
  numeral(
    /^\d{1,15}$/,
    z
      .int(`must be a whole number from ${min} to ${max}, in decimal digits`)
      .min(min, `must be from ${min} to ${max}`)
      .max(max, `must be from ${min} to ${max}`)
      .meta({ description, default: preset }),
  ).default(preset)

const flag = (description: string, preset: boolean): z.ZodDefault<z.ZodEnum<{ true: 'true'; false: 'false' }>> =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .meta({ description })
    .default(preset ? 'true' : 'false')

const common = {
  agent_name: name('Only this agent.'),
  model_name: name('Only this model.'),
  issue_type: name('Only this issue type.'),
  since: z
    .string()
    .meta({ description: `From when on: ${TIME_HELP}. Without a range: the whole life.` })
    .optional(),
  until: z
    .string()
    .meta({ description: `Until when: ${TIME_HELP}.` })
    .optional(),
}
const length = (description: string): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .refine(text => (parseDuration(text) ?? 0) > 0, 'must be a length of time such as 15m, 24h, 7d')
    .meta({ description })
    .optional()

/** As JSON has numbers: clients print very small ones with an exponent. */
const decimal = (description: string, min: number, max: number): z.ZodOptional<z.ZodType<number>> =>
  numeral(
    /^\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/i,
    z
      .number(`must be a number from ${min} to ${max}, in decimal digits`)
      .min(min, `must be from ${min} to ${max}`)
      .max(max, `must be from ${min} to ${max}`)
      .meta({ description }),
  ).optional()

const grouping = (description: string): z.ZodEnum<{ [G in Grouping]: G }> =>
  z.enum(GROUPINGS, `must be one of ${GROUPINGS.join(', ')}`).meta({ description })

const issueType = (description: string): z.ZodString =>
  z
    .string('is required')
    .refine(value => nameProblem(value) === undefined, { error: issue => nameProblem(issue.input) ?? 'is not a name' })
    .meta({ description })

const minAttempts = whole('Keys with fewer attempts do not take part.', 1, 1e9, 5)

/** What every question takes. */
export interface Common extends KeyFilter {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** The parameters of each question. */
export const parameters: {
  readonly successRate: z.ZodType<Common & { readonly group_by?: Grouping | undefined }>
  readonly bestAgent: z.ZodType<
    Common & { readonly issue_type: string; readonly min_attempts: number; readonly rank_by: Ranking }
  >
  readonly modelComparison: z.ZodType<Common & { readonly min_attempts: number }>
  readonly fairComparison: z.ZodType<Common & { readonly by: FairGrouping }>
  readonly trends: z.ZodType<Common & { readonly interval?: string | undefined }>
  readonly calibration: z.ZodType<Common & { readonly group_by: Grouping }>
  readonly costs: z.ZodType<Common>
  readonly experiment: z.ZodType<
    Omit<Common, keyof KeyFilter> & { readonly baseline?: string | undefined; readonly adaptive: 'true' | 'false' }
  >
  readonly route: z.ZodType<
    Common & {
      readonly issue_type: string
      readonly min_attempts: number
      readonly explore: 'true' | 'false'
      readonly seed?: string | undefined
      readonly max_cost_usd?: number | undefined
      readonly min_success_rate?: number | undefined
      readonly half_life?: string | undefined
    }
  >
  readonly report: z.ZodType<Common>
  readonly metrics: z.ZodType<Common & { readonly recent: 'true' | 'false' }>
  readonly attempts: z.ZodType<
    Common & {
      readonly limit: number
      readonly cursor?: string | undefined
      readonly order: AttemptOrder
      readonly with_ids: 'true' | 'false'
    }
  >
  readonly none: z.ZodType<object>
} = {
  successRate: z.strictObject({
    ...common,
    group_by: grouping('What to group by.').optional(),
  }),
  bestAgent: z.strictObject({
    ...common,
    issue_type: issueType('The issue type to find the best agent for.'),
    min_attempts: minAttempts,
    rank_by: z
      .enum(RANKINGS, `must be one of ${RANKINGS.join(', ')}`)
      .meta({ description: 'success_rate as documented; lower_bound of its interval; or expected_cost per success.' })
      .default('success_rate'),
  }),
  modelComparison: z.strictObject({ ...common, min_attempts: minAttempts }),
  fairComparison: z.strictObject({
    ...common,
    by: z
      .enum(FAIR_GROUPINGS, `must be one of ${FAIR_GROUPINGS.join(', ')}`)
      .meta({ description: 'Whom to compare at the same mix of issue types.' })
      .default('model_name'),
  }),
  trends: z.strictObject({ ...common, interval: length('Length of an interval at the least; chosen where absent.') }),
  calibration: z.strictObject({ ...common, group_by: grouping('What to group by.').default('agent_name') }),
  costs: z.strictObject(common),
  experiment: z.strictObject({
    since: common.since,
    until: common.until,
    baseline: name('The variant the others are compared with; the one that came first where absent.'),
    adaptive: flag('Whether what was seen decided which variant came next, as a bandit does.', false),
  }),
  route: z.strictObject({
    ...common,
    issue_type: issueType('The issue type to route.'),
    min_attempts: whole('Keys with fewer attempts are left out.', 1, 1e9, 1),
    explore: flag(
      'Draw the order by Thompson sampling, so that those of which little is known get their chance.',
      false,
    ),
    seed: name('Seed of the draw; one is made, and told, where absent.'),
    max_cost_usd: decimal('Highest expected cost per success in US dollars; an unknown cost does not pass.', 0, 1e9),
    min_success_rate: decimal('Lowest success rate in percent.', 0, 100),
    half_life: length('Older evidence counts for less: half after every half-life.'),
  }),
  report: z.strictObject(common),
  metrics: z.strictObject({ ...common, recent: flag('Whether recent_results are in the answer.', true) }),
  attempts: z.strictObject({
    ...common,
    limit: whole('Attempts of one page at the most.', 1, 1000, 100),
    cursor: z.string().meta({ description: 'The next_cursor of the page before.' }).optional(),
    order: z
      .enum(['newest', 'oldest'], 'must be newest or oldest')
      .meta({
        description: 'Which attempts come first. From the oldest on, the pages end with what was kept at the first.',
      })
      .default('newest'),
    with_ids: flag('Give attempts that were kept without an id one that is the same at every call.', false),
  }),
  none: z.strictObject({}),
}

/** A question that was read: its parameters, and the range they name. */
export interface Asked<T> {
  readonly parameters: T
  readonly filter: KeyFilter
  readonly range: TimeRange | undefined
}

/** Reads a request's query string. An unknown, repeated or bad parameter is a 400 that names it. */
export function readQuestion<T extends object>(
  schema: z.ZodType<T>,
  req: IncomingMessage,
  nowMs: number,
): Asked<T> | Problem {
  const given = new Map<string, string>()
  for (const [key, value] of queryOf(req)) {
    if (given.has(key)) return parameterProblem([{ name: key, detail: 'is given twice' }])
    given.set(key, value)
  }
  const entries: object = Object.assign(Object.create(null), Object.fromEntries(given))
  const checked = schema.safeParse(entries)
  if (!checked.success) return parameterProblem(checked.error.issues.flatMap(faultsOf))
  const asked = checked.data as T & Common
  const range = parseRange({ since: asked.since, until: asked.until }, nowMs)
  if (range !== undefined && 'detail' in range)
    return parameterProblem([{ name: range.parameter, detail: range.detail }])
  const { agent_name, model_name, issue_type } = asked
  return { parameters: asked, filter: { agent_name, model_name, issue_type }, range }
}

function faultsOf(issue: z.core.$ZodIssue): ParameterFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ name: key.slice(0, 100), detail: 'is not a parameter of this question' }))
  }
  return [{ name: issue.path.join('.'), detail: issue.message }]
}
