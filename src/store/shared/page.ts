/** Pages of attempts from the groups of a log that numbers them. */
import { matches } from '../../core/aggregate/key-index.ts'
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import type { AttemptRecord, Outcome, OutcomeRecord } from '../../core/fold.ts'
import { type AttemptPage, type AttemptQuery, StoreUnavailable } from '../../core/ports.ts'
import { withId } from '../attempt-id.ts'
import { listedOutcome } from '../listed-outcome.ts'
import { messageOf } from '../messages.ts'
import { readRecords } from './records.ts'

/** A group as it is stored. */
export interface StoredGroup {
  readonly sequence: number
  readonly records: string
  /** The indexes of records that repeat a known id. */
  readonly repeats: readonly number[]
}

/** The groups of a log, for listing. */
export interface GroupSource {
  /** The sequence of the newest group, and of the first one that was neither reset nor expired. */
  bounds(): Promise<{ readonly first: number; readonly last: number }>
  /** Some groups from the sequence `from` on, in this order, as one read: an empty list means that there are no more. */
  groups(from: number, order: 'newest' | 'oldest'): Promise<readonly StoredGroup[]>
}

/** Groups that one page reads at most. A page that finds few attempts in them ends early, so that it stays quick. */
const MAX_GROUPS = 2000
/** Outcomes of one page at most. */
const MAX_OUTCOMES = 10_000

/** Where the next page begins: at the record `place` of a group. A listing from the oldest attempt ends with the group `last`. */
interface Cursor {
  readonly sequence: number
  readonly place: number
  readonly last: number
}

/** One page. Throws a RangeError where the cursor is none, and {@link StoreUnavailable} where the log cannot be read. */
export async function pageOf(source: GroupSource, query: AttemptQuery): Promise<AttemptPage> {
  try {
    return await readPage(source, query)
  } catch (error) {
    query.signal?.throwIfAborted()
    if (error instanceof RangeError) throw error
    throw new StoreUnavailable(`the attempts cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

async function readPage(source: GroupSource, query: AttemptQuery): Promise<AttemptPage> {
  const { first, last } = await source.bounds()
  const order = query.order ?? 'newest'
  const cursor = query.cursor === undefined ? startOf(order, first, last) : readCursor(query.cursor, order, last)
  const attempts: AgentAttempt[] = []
  const outcomes: Outcome[] = []
  let next: Cursor | undefined = cursor
  const isFull = (): boolean => attempts.length >= query.limit || outcomes.length >= MAX_OUTCOMES
  for (let read = 0; next !== undefined && !isFull() && read < MAX_GROUPS; ) {
    query.signal?.throwIfAborted()
    const groups = await source.groups(next.sequence, order)
    read += groups.length
    next = takeGroups(groups, next, { ...query, order, first }, { attempts, outcomes })
  }
  const next_cursor = next === undefined ? null : printCursor(next, order)
  return { attempts, next_cursor, ...(outcomes.length > 0 && { outcomes }) }
}

function startOf(order: 'newest' | 'oldest', first: number, last: number): Cursor | undefined {
  if (last < first) return undefined
  return order === 'newest'
    ? { sequence: last, place: Number.MAX_SAFE_INTEGER, last }
    : { sequence: first, place: 0, last }
}

type PageQuery = AttemptQuery & { readonly order: 'newest' | 'oldest'; readonly first: number }

interface Taken {
  readonly attempts: AgentAttempt[]
  readonly outcomes: Outcome[]
}

/** Takes what matches from the groups. Returns where to go on; undefined at the end of the log. */
function takeGroups(groups: readonly StoredGroup[], cursor: Cursor, query: PageQuery, page: Taken): Cursor | undefined {
  const step = query.order === 'newest' ? -1 : 1
  let next: Cursor | undefined = cursor
  for (const group of groups) {
    if (group.sequence < query.first || group.sequence > cursor.last) return undefined
    const place = takeGroup(group, group.sequence === cursor.sequence ? cursor.place : undefined, query, page)
    if (place !== undefined) return { ...cursor, sequence: group.sequence, place }
    next = { sequence: group.sequence + step, place: step < 0 ? Number.MAX_SAFE_INTEGER : 0, last: cursor.last }
  }
  const isEnd = groups.length === 0 || next.sequence < query.first || next.sequence > cursor.last
  return isEnd ? undefined : next
}

/** Takes what matches from one group. Returns the place to go on at when the page is full before the group ends. */
function takeGroup(
  { sequence, records, repeats }: StoredGroup,
  from: number | undefined,
  query: PageQuery,
  { attempts, outcomes }: Taken,
): number | undefined {
  const found = readRecords(records)
  const isNewest = query.order === 'newest'
  const start = isNewest ? Math.min(from ?? found.length - 1, found.length - 1) : (from ?? 0)
  for (let place = start; place >= 0 && place < found.length; place += isNewest ? -1 : 1) {
    const record = found[place]!
    if ((record.kind !== 'attempt' && record.kind !== 'outcome') || repeats.includes(place) || !isWanted(record, query))
      continue
    if (attempts.length === query.limit || outcomes.length === MAX_OUTCOMES) return place
    if (record.kind === 'outcome') {
      if (query.withOutcomes === true) outcomes.push(listedOutcome(record))
      continue
    }
    attempts.push(query.withIds === true ? withId(record.attempt, `${sequence}.${place}`) : record.attempt)
  }
  return undefined
}

function isWanted({ attempt, at }: AttemptRecord | OutcomeRecord, query: AttemptQuery): boolean {
  const { range } = query
  return (range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs)) && matches(attempt, query)
}

function printCursor({ sequence, place, last }: Cursor, order: 'newest' | 'oldest'): string {
  const text = order === 'newest' ? `n ${sequence} ${place}` : `o ${sequence} ${place} ${last}`
  return Buffer.from(text).toString('base64url')
}

function readCursor(cursor: string, order: 'newest' | 'oldest', newest: number): Cursor {
  const text = Buffer.from(cursor, 'base64url').toString()
  const [, mark, sequence, place, last] = /^([no]) (\d+) (\d+)(?: (\d+))?$/.exec(text) ?? []
  const found = { sequence: Number(sequence), place: Number(place), last: Number(last ?? sequence) }
  const isOwn = mark === order[0] && found.last <= newest && printCursor(found, order) === cursor
  if (!isOwn) throw new RangeError('is not a cursor that a page ended with')
  return found
}
