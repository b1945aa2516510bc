/**
 * The types of parameters, and the parameters that all questions share. Values are text over HTTP and on the command line. In a process they
 * are numbers or booleans. The schemas accept both.
 */
import { z } from 'zod'
import { OUTCOME_VIEWS } from '../core/aggregate/outcomes.ts'
import { parseDuration } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'
import { type RangeQuestion, zoneDetail, zoneOf } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { Fields } from './schema.ts'

/** The placeholders of parameter values in help texts, as in `--min-attempts <count>`. */
export const valueNames: z.core.$ZodRegistry<{ readonly value: string }> = z.registry<{ readonly value: string }>()

function described<Schema extends z.ZodType>(schema: Schema, description: string, value: string): Schema {
  const described: z.ZodType = schema.meta({ description })
  return described.register(valueNames, { value }) as Schema
}

/** A name, 1 to 256 bytes of UTF-8 without control characters. */
export function name(description: string): z.ZodString {
  const schema = z
    .string({ error: notText })
    .refine(value => nameProblem(value) === undefined, { error: issue => nameProblem(issue.input) ?? 'is not a name' })
  return described(schema, description, 'name')
}

export function text(description: string, value: string): z.ZodString {
  return described(z.string({ error: notText }), description, value)
}

const notText = ({ input }: { readonly input?: unknown }): string =>
  input === undefined ? 'is required' : 'must be text'

/** One value of a list, case-sensitive. */
export function choice<const Value extends string>(
  values: readonly Value[],
  description: string,
): z.ZodType<Value, Value> {
  const schema: z.ZodType<Value, Value> = z.enum(values, `must be one of ${values.join(', ')}`) as never
  return described(schema, description, 'choice')
}

/** A number in decimal digits. `Number` alone would also read `0x10`, ` 5` and the empty text. */
function numeral(digits: RegExp, schema: z.ZodType<number>): z.ZodType<number, number> {
  const read = z.preprocess(given => (typeof given === 'string' && digits.test(given) ? Number(given) : given), schema)
  return read as z.ZodType<number, number>
}

/** A count: a whole number. */
export function count(description: string, min: number, max: number): z.ZodType<number, number> {
  const range = `must be from ${min} to ${max}`
  const schema = z
    .int(`must be a whole number from ${min} to ${max}, in decimal digits`)
    .min(min, range)
    .max(max, range)
  return numeral(/^\d{1,15}$/, described(schema, description, 'count'))
}

/** A number, also with an exponent, because clients print very small numbers with one. */
export function amount(description: string, min: number, max: number, value: string): z.ZodType<number, number> {
  const range = `must be from ${min} to ${max}`
  const schema = z.number(`must be a number from ${min} to ${max}, in decimal digits`).min(min, range).max(max, range)
  return numeral(/^\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/i, described(schema, description, value))
}

/** `true` or `false`. A switch on the command line. */
export function flag(description: string): z.ZodType<boolean, boolean> {
  const schema = described(z.boolean('must be true or false'), description, '')
  const read = z.preprocess(given => (given === 'true' ? true : given === 'false' ? false : given), schema)
  return read as z.ZodType<boolean, boolean>
}

/** A duration such as `15m` or `7d`. Parsed into milliseconds. */
export function length(description: string): z.ZodType<number, string> {
  const error = 'must be a length of time such as 15m, 24h, 7d'
  const schema = z.number(error).positive(error).meta({ type: 'string', exclusiveMinimum: undefined })
  const read = z.preprocess(
    given => (typeof given === 'string' ? parseDuration(given) : Number.NaN),
    described(schema, description, 'length'),
  )
  return read as z.ZodType<number, string>
}

/** The name of a time zone. */
function zone(description: string): z.ZodString {
  const schema = z
    .string({ error: notText })
    .refine(tz => zoneOf({ tz }) !== undefined, { error: ({ input }) => zoneDetail(String(input)) })
  return described(schema, description, 'zone')
}

/** Keys with fewer attempts are excluded. */
export function minAttempts(least: number): z.ZodDefault<z.ZodType<number, number>> {
  return count('Leave out keys (agent, model and issue type) with fewer attempts', 1, 1e9).default(least)
}

const TIME_HELP = 'an RFC 3339 time, a date, or a length back from now such as 24h or 7d'

/** The time range that every question accepts. The whole lifetime by default. */
export const range: Fields<RangeQuestion> = {
  since: text(`From then on: ${TIME_HELP}`, 'time').optional(),
  until: text('Until then, in the same form (default: now)', 'time').optional(),
  tz: zone('IANA time zone of dates, and of days and weeks, such as Europe/Berlin (default: UTC)').optional(),
}

/** Shared by all questions about keys, whichever results count. */
export const withoutOutcome: Fields<Omit<Selection, 'outcome'>> = {
  agent_name: name('Only this agent').optional(),
  model_name: name('Only this model, by its name or by a spelling in --model-aliases').optional(),
  issue_type: name('Only this issue type').optional(),
  ...range,
}

/** Shared by all questions about results. */
export const selection: Fields<Selection> = {
  ...withoutOutcome,
  outcome: choice(
    OUTCOME_VIEWS,
    'Which results count: latest (that of outcomes where there are any, else as reported; the default), reported, or verified (only attempts with an outcome)',
  ).optional(),
}
