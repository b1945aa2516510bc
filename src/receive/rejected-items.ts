/** Refuses the invalid items of a JSON array. */
import { type InvalidItem, MAX_FAULTS, type Problem } from '../server/problem.ts'
import { NOT_JSON, type Rejected } from './receiving.ts'

/** Items of one JSON array at the most. */
export const MAX_ITEMS = 10_000

/** What the items are, in messages. */
export interface Noun {
  readonly one: string
  readonly many: string
}

/** The items of a parsed body, or a problem where they are too many. */
export function itemsOf(value: unknown, { many }: Noun): readonly unknown[] | Problem {
  const items = Array.isArray(value) ? value : [value]
  if (items.length <= MAX_ITEMS) return items
  return {
    status: 413,
    detail: `an array may hold ${MAX_ITEMS} ${many}, not ${items.length}; send x-ndjson for more`,
  }
}

/** Names every invalid item, but fewer problems of each where there are many: an answer must not be far longer than its request. */
export function limitProblems(rejected: Rejected): Rejected {
  const each = Math.max(1, Math.min(MAX_FAULTS, Math.floor(MAX_ITEMS / rejected.length)))
  return rejected.map(({ index, errors }) => ({ index, errors: errors.slice(0, each) }))
}

export function refuseAll(rejected: Rejected, of: number, noun: Noun): Problem {
  return {
    status: 400,
    detail: `${countOf(rejected.length, noun)}, of ${of}: none was counted`,
    errors: invalidItems(rejected),
  }
}

/** The log entry of a partial success. */
export function partlyTaken(rejected: Rejected, more: number, noun: Noun): Problem {
  // Messages of JSON.parse quote the body, which must not be logged.
  const errors = invalidItems(rejected.slice(0, 1)).map(fault =>
    fault.detail.startsWith(NOT_JSON) ? { ...fault, detail: NOT_JSON } : fault,
  )
  return { status: 200, detail: `${countOf(rejected.length + more, noun)}: the others were kept`, errors }
}

const countOf = (count: number, { one, many }: Noun): string =>
  `${count === 1 ? `1 ${one} is` : `${count} ${many} are`} not as documented`

const invalidItems = (rejected: Rejected): InvalidItem[] =>
  rejected.flatMap(({ index, errors }) => errors.map(error => ({ index, ...error })))
