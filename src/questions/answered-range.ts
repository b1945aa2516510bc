/** What answers say about themselves: the range that they are about, and up to when they are complete. It is derived here for every question. */
import { z } from 'zod'
import { freeName } from '../core/aggregate/metrics.ts'
import { span } from '../core/aggregate/summary.ts'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { KeyFilter, StopSignal, Store, TimeRange } from '../core/ports.ts'
import { type AnsweredRange, printRange, type Ranged } from '../core/reports/range.ts'
import { forEachKey } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

/** The part of the facts that a range is clipped by. */
type Facts = Pick<Store, 'summaries' | 'coverage' | 'clip' | 'asOf'>

/** The part of a query that says its range. */
interface RangedQuery {
  readonly filter: KeyFilter
  readonly range: TimeRange | undefined
  readonly nowMs: number
  readonly answered?: Ranged | undefined
}

const answeredRange: ObjectSchema<AnsweredRange> = objectSchema('AnsweredRange', {
  since: z.string().meta({ description: 'RFC 3339, inclusive.' }),
  until: z.string().meta({ description: 'RFC 3339, exclusive.' }),
})

const RANGE =
  'The range that the answer is about: each edge is clipped to the finest time bucket that is held there. Absent if no range was asked for.'
/** Of an answer with a member for each name, of which one may be `range`. */
const RANGE_OR_NAME = `${RANGE} If a range was asked for, the member of the name range is called range#2, or the next number that is free. Otherwise it is called range.`
const AS_OF =
  'RFC 3339. Attempts may be missing that other sidecars of the store recorded after this time, or that wait in the spool. Absent if the answer is complete.'
const AS_OF_OR_NAME = `${AS_OF} The member of the name as_of is then called as_of#2, or the next number that is free.`

const members = {
  range: z.exactOptional(answeredRange).meta({ description: RANGE }),
  as_of: z.exactOptional(z.string()).meta({ description: AS_OF }),
}

/** The schema of an answer that states its range, and up to when it is complete. Takes objects, unions of them, and records by names. */
export function withAnswered(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(one => withAnswered(one as z.ZodType)))
  if (schema instanceof z.ZodRecord) {
    const range = z.exactOptional(z.union([answeredRange, schema.valueType])).meta({ description: RANGE_OR_NAME })
    const as_of = z.exactOptional(z.union([z.string(), schema.valueType])).meta({ description: AS_OF_OR_NAME })
    return described(z.object({ range, as_of }).catchall(schema.valueType), schema, '')
  }
  // Another answer may hold the schema of this one, without a range: the component with it has a name of its own.
  if (schema instanceof z.ZodObject) return described(schema.extend(members), schema, 'InRange')
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
  // Before the computation: what is folded meanwhile may be included or not.
  const completeMs = facts.asOf()
  const as_of = completeMs === undefined ? undefined : printTimestamp({ ms: completeMs, local: false })
  const said = as_of === undefined ? {} : { as_of }
  if (asked === undefined) return { ...query, answered: said }
  const clip = (some: TimeRange): TimeRange => (isExact ? some : facts.clip(some))
  const range = clip(asked)
  // Without an end, the attempts of the current bucket are counted, and those of senders whose clock is slightly ahead.
  const endMs = Math.min(asked.untilMs, Math.max(nowMs, asked.sinceMs))
  const { untilMs } = asked.untilMs === Number.POSITIVE_INFINITY ? clip({ ...asked, untilMs: endMs }) : range
  const isOpen = range.sinceMs === Number.NEGATIVE_INFINITY
  const sinceMs = isOpen ? Math.min(await firstAttemptMs(facts, filter, signal), untilMs) : range.sinceMs
  return { ...query, range, answered: { range: printRange({ sinceMs, untilMs }), ...said } }
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

/** The answer with what it says about itself. A member of such a name, of an answer by names, is renamed as keys are that print alike. */
export function sayAnswered<Answer>(answer: Answer, answered: Ranged = {}): Answer {
  if (Object.keys(answered).length === 0 || typeof answer !== 'object' || answer === null) return answer
  const members = new Map(Object.entries(answer))
  for (const name of Object.keys(answered)) {
    const named = members.get(name)
    if (named === undefined) continue
    members.delete(name)
    members.set(freeName(name, new Set(Object.keys(answer))), named)
  }
  return { ...answered, ...Object.fromEntries(members) } as Answer
}
