/**
 * Looks up attempts by their ids. The index of groups is built when they are first searched, newest first. Later lookups add the groups that
 * were appended since.
 */
import type { LogRecord } from '../../core/fold.ts'
import type { Log, Position } from '../../core/log.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { findAttempts, type IndexedPart, inOrder } from '../ids/find-attempts.ts'
import { createIdColumns, type IdColumns } from '../ids/id-columns.ts'
import { scanIds } from '../ids/scan-ids.ts'
import type { WantedIds } from '../ids/wanted.ts'
import type { SharedGroups } from './groups.ts'
import type { StoredGroup } from './page.ts'
import { sequenceOf } from './position.ts'
import { readRecords } from './records.ts'

/** Records of a part, and groups that are read for one. Smaller parts find a recent attempt sooner, larger ones cost less to search. */
const PART = { records: 16_384, groups: 1000 }
/** The index takes 8 bytes per record: 64 MB. Beyond that, the oldest groups are read again when they are searched. */
const MAX_RECORDS = 8_000_000
/** Groups that are fetched at once. */
const FETCHED_GROUPS = 20
const LF = 0x0a

interface Part {
  readonly ids: IdColumns
  /** The sequences of its oldest and its newest group. */
  first: number
  last: number
}

/** The parts, newest first, and the position behind the newest group. The groups before the last part are not indexed. */
interface Index {
  parts: Part[]
  end: Position
}

type Groups = Pick<SharedGroups, 'after' | 'groups' | 'end' | 'bounds' | 'select'>

/** `seed` of the hashes: random, so that no client can choose ids that share one. */
export function createFind(groups: Groups, seed: number, maxRecords: number = MAX_RECORDS): Log['find'] {
  let index: Index | undefined
  return inOrder(async ids => {
    try {
      const { first } = await groups.bounds()
      if (index !== undefined && !(await addNewer(groups, index, seed))) index = undefined
      index ??= { parts: [], end: await groups.end() }
      const { parts } = index
      while (parts.length > 0 && (parts.at(-1)!.last < first || recordsIn(parts) > maxRecords)) parts.pop()
      return await findAttempts(ids, seed, partsOf(groups, index, { first, seed, maxRecords }))
    } catch (error) {
      // The log may be another server than the one that failed.
      index = undefined
      throw error
    }
  })
}

/** Indexes the groups behind the index. False if the log does not continue it: it lost groups in a failover, or they have expired. */
async function addNewer(groups: Groups, index: Index, seed: number): Promise<boolean> {
  const { parts } = index
  const yieldToEventLoop = createEventLoopYield()
  for (;;) {
    const read = await groups.after(sequenceOf(index.end))
    if (read.length === 0) return (await groups.end()) === index.end
    if (read[0]!.after !== index.end) return false
    for (const { position, records } of read) {
      const sequence = sequenceOf(position)
      let newest = parts[0]
      if (newest === undefined || newest.ids.size >= PART.records) {
        newest = { ids: createIdColumns(), first: sequence, last: sequence }
        parts.unshift(newest)
      }
      addGroup(newest, sequence, records, seed)
      newest.last = sequence
      index.end = position
      await yieldToEventLoop()
    }
  }
}

function addGroup({ ids }: Part, sequence: number, records: string, seed: number): void {
  scanIds(Buffer.from(records), seed, hash => ids.add(hash, sequence))
}

interface Search {
  /** The sequence of the first group that was neither reset nor expired. */
  readonly first: number
  readonly seed: number
  readonly maxRecords: number
}

async function* partsOf(groups: Groups, index: Index, search: Search): AsyncGenerator<IndexedPart> {
  const indexed = ({ ids }: Part): IndexedPart => ({
    ids,
    read: (places, wanted) => readGroups(groups, places, { ...search, wanted }),
  })
  for (const part of index.parts.slice()) yield indexed(part)
  let before = index.parts.at(-1)?.first ?? sequenceOf(index.end) + 1
  for (;;) {
    const older = await readOlder(groups, before, search)
    if (older === undefined) return
    if (recordsIn(index.parts) < search.maxRecords) index.parts.push(older)
    yield indexed(older)
    before = older.first
  }
}

/** Indexes groups before a sequence. Undefined if there are none. */
async function readOlder(groups: Groups, before: number, { first, seed }: Search): Promise<Part | undefined> {
  const part: Part = { ids: createIdColumns(), first: before, last: before - 1 }
  const yieldToEventLoop = createEventLoopYield()
  while (part.first > first && part.ids.size < PART.records && before - part.first < PART.groups) {
    const read = await groups.groups(part.first - 1, 'newest')
    for (const { sequence, records } of read) {
      if (sequence < first) break
      addGroup(part, sequence, records, seed)
      part.first = sequence
      await yieldToEventLoop()
    }
    if (read.length === 0 || read.at(-1)!.sequence < first) break
  }
  return part.first === before ? undefined : part
}

const recordsIn = (parts: readonly Part[]): number => parts.reduce((sum, { ids }) => sum + ids.size, 0)

/** The wanted records of groups. The others are not parsed: an imported group has thousands of them. */
async function readGroups(
  groups: Pick<Groups, 'select'>,
  sequences: readonly number[],
  { first, seed, wanted }: Search & { readonly wanted: Pick<WantedIds, 'has'> },
): Promise<LogRecord[]> {
  const stored = sequences.filter(sequence => sequence >= first)
  const found: LogRecord[] = []
  const yieldToEventLoop = createEventLoopYield()
  for (let from = 0; from < stored.length; from += FETCHED_GROUPS) {
    for (const group of await groups.select(stored.slice(from, from + FETCHED_GROUPS))) {
      found.push(...wantedIn(group, wanted, seed))
      await yieldToEventLoop()
    }
  }
  return found
}

function wantedIn({ records, repeats }: StoredGroup, wanted: Pick<WantedIds, 'has'>, seed: number): LogRecord[] {
  const lines = Buffer.from(records)
  const starts = new Set<number>()
  scanIds(lines, seed, (hash, lineStart) => {
    if (wanted.has(hash)) starts.add(lineStart)
  })
  if (repeats.length > 0) for (const start of startsOf(lines, repeats)) starts.delete(start)
  return [...starts]
    .sort((a, b) => a - b)
    .flatMap(start => readRecords(lines.toString('utf8', start, lines.indexOf(LF, start))))
}

/** The offsets of lines, by their indexes. */
function startsOf(lines: Buffer, places: readonly number[]): number[] {
  const starts: number[] = []
  for (let start = 0, place = 0; start < lines.length; place++) {
    if (places.includes(place)) starts.push(start)
    start = lines.indexOf(LF, start) + 1
  }
  return starts
}
