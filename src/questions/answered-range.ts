/** The range that answers say they are about. It is derived here for every question that takes a range. */
import { z } from 'zod'
import { freeName } from '../core/aggregate/metrics.ts'
import { span } from '../core/aggregate/summary.ts'
import type { KeyFilter, StopSignal, Store, TimeRange } from '../core/ports.ts'
import { type AnsweredRange, printRange } from '../core/reports/range.ts'
import { forEachKey } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

/** The part of the facts that a range is clipped by. */
type Facts = Pick<Store, 'summaries' | 'coverage' | 'clip'>

/** The part of a query that says its range. */
interface RangedQuery {
  readonly filter: KeyFilter
  readonly range: TimeRange | undefined
  readonly nowMs: number
  readonly answered?: AnsweredRange | undefined
}

const answeredRange: ObjectSchema<AnsweredRange> = objectSchema('AnsweredRange', {
  since: z.string().meta({ description: 'RFC 3339, inclusive.' }),
  until: z.string().meta({ description: 'RFC 3339, exclusive.' }),
})

const RANGE =
  'The range that the answer is about: each edge is clipped to the finest time bucket that is held there. Absent if no range was asked for.'
/** Of an answer with a member for each name, of which one may be `range`. */
const RANGE_OR_NAME = `${RANGE} If a range was asked for, the member of the name range is called range#2, or the next number that is free. Otherwise it is called range.`

const member = z.exactOptional(answeredRange).meta({ description: RANGE })

/** The schema of an answer that says its range. Takes objects, unions of them, and records by names. */
export function withRange(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(one => withRange(one as z.ZodType)))
  if (schema instanceof z.ZodRecord) {
    const range = z.exactOptional(z.union([answeredRange, schema.valueType])).meta({ description: RANGE_OR_NAME })
    return described(z.object({ range }).catchall(schema.valueType), schema, '')
  }
  // Another answer may hold the schema of this one, without a range: the component with it has a name of its own.
  if (schema instanceof z.ZodObject) return described(schema.extend({ range: member }), schema, 'InRange')
  throw new TypeError('an answer is an object, a union of objects, or a record')
}

function described(schema: z.ZodType, { meta }: z.ZodType, suffix: string): z.ZodType {
  const { id, ...rest } = meta() ?? {}
  return schema.meta({ ...rest, ...(typeof id === 'string' && { id: `${id}${suffix}` }) })
}

/** The query with its range as it is answered. `isExact`: the question is answered from single attempts, not from time buckets. */
export async function clipQuery<Query extends RangedQuery>(
  facts: Facts,
  query: Query,
  isExact: boolean,
  signal: StopSignal | undefined,
): Promise<Query> {
  const { range: asked, filter, nowMs } = query
  if (asked === undefined) return query
  const clip = (some: TimeRange): TimeRange => (isExact ? some : facts.clip(some))
  const range = clip(asked)
  // Without an end, the attempts of the current bucket are counted, and those of senders whose clock is slightly ahead.
  const endMs = Math.min(asked.untilMs, Math.max(nowMs, asked.sinceMs))
  const { untilMs } = asked.untilMs === Number.POSITIVE_INFINITY ? clip({ ...asked, untilMs: endMs }) : range
  const isOpen = range.sinceMs === Number.NEGATIVE_INFINITY
  const sinceMs = isOpen ? Math.min(await firstAttemptMs(facts, filter, signal), untilMs) : range.sinceMs
  return { ...query, range, answered: printRange({ sinceMs, untilMs }) }
}

/** The time of the earliest attempt that fits the filter and is held by time, in milliseconds since the epoch. Infinity if there is none. */
async function firstAttemptMs(facts: Facts, filter: KeyFilter, signal: StopSignal | undefined): Promise<number> {
  let firstMs = Number.POSITIVE_INFINITY
  const summaries = await facts.summaries(undefined, filter, signal)
  const steps = forEachKey(summaries, ({ summary }) => {
    firstMs = Math.min(firstMs, span(summary)?.firstMs ?? firstMs)
  })
  await runYielding(steps, signal)
  return Math.max(firstMs, facts.coverage(Number.NEGATIVE_INFINITY).earliestMs)
}

/** The answer with its range. A member of that name, of an answer by names, is renamed as keys are that print alike. */
export function sayRange<Answer>(answer: Answer, range: AnsweredRange | undefined): Answer {
  if (range === undefined || typeof answer !== 'object' || answer === null) return answer
  const { range: named, ...members } = answer as Record<string, unknown>
  const renamed = named !== undefined && { [freeName('range', new Set(Object.keys(answer)))]: named }
  return { range, ...members, ...renamed } as Answer
}
