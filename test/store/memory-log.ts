/**
 * A log in memory that several engines share like a database. It can lose answers, refuse appends, hide groups for a while, lose groups in a
 * failover, and expire groups.
 */
import { createHash } from 'node:crypto'
import { matches } from '../../src/core/aggregate/key-index.ts'
import type { AttemptRecord, Limits, LogRecord } from '../../src/core/fold.ts'
import {
  type CapturedSnapshot,
  type FoundAttempt,
  type Group,
  type Kept,
  type KeptGroup,
  type Log,
  LogBehind,
  LogDiverged,
  LogNotEmpty,
  LogRefused,
  LogTruncated,
  type LogWatcher,
  mustBeFirst,
  type RecordFrame,
} from '../../src/core/log.ts'
import type { AttemptPage, AttemptQuery } from '../../src/core/ports.ts'
import { readRecord } from '../../src/store/record-json.ts'

/** What becomes of one append. */
export type AppendFault =
  /** It is kept, and the answer is lost. */
  | 'lose the answer'
  /** It is not stored, and the answer is lost. */
  | 'lose the request'
  | 'refuse'
  | { readonly hold: Promise<void> }

interface StoredGroup extends Group {
  readonly kept: Kept
  readonly writer: string
  readonly leftOut: Set<number>
}

interface StoredBlocks {
  readonly position: string
  readonly blocks: readonly Buffer[]
}

export interface MemoryServer {
  /** Opens the log as another sidecar would. */
  open(): Log
  /** Decides what becomes of each append; undefined for none. */
  fault: ((writer: string, group: Group) => AppendFault | undefined) | undefined
  /** Nothing can be read or appended: the server is away. An append may be stored all the same, as its {@link fault} says. */
  isAway: boolean
  /** So many of the newest groups are not shown to readers yet. */
  hidden: number
  /** Groups behind the first `count` are lost, with all that is known of them. */
  failOver(count: number): void
  /** The first `count` groups expire. */
  expireFirst(count: number): void
  readonly groups: readonly StoredGroup[]
  snapshots: StoredBlocks[]
}

export interface MemoryServerOptions {
  readonly limits?: Partial<Limits>
  /** Expired by {@link Log.expire}: all groups before the older of the two newest snapshots. */
  readonly expires?: boolean
}

const LIMITS: Limits = { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 }
const START = '0:'

export function createMemoryServer(options: MemoryServerOptions = {}): MemoryServer {
  const limits = { ...LIMITS, ...options.limits }
  const watchers = new Map<string, LogWatcher>()
  let writers = new Map<string, { readonly number: number; readonly kept: Kept }>()
  let groups: StoredGroup[] = []
  let expired = 0
  let opened = 0

  const server: MemoryServer = {
    open,
    fault: undefined,
    isAway: false,
    hidden: 0,
    snapshots: [],
    failOver(count) {
      groups = groups.slice(0, count)
      writers = new Map(groups.map(({ writer, number, kept }) => [writer, { number, kept }]))
    },
    expireFirst(count) {
      expired = count
    },
    get groups() {
      return groups
    },
  }

  function keep(writer: string, group: Group): Kept {
    const last = writers.get(writer) ?? { number: 0, kept: { position: START, after: START } }
    if (group.number === last.number) return last.kept
    if (group.number !== last.number + 1) throw new LogBehind(last.number)
    if (mustBeFirst(group) && groups.length > 0) throw new LogNotEmpty()
    const after = groups.at(-1)?.kept.position ?? START
    const chain = createHash('md5').update(`${after} ${writer} ${group.number}`).digest('hex')
    const kept = { position: `${groups.length + 1}:${chain}`, after }
    groups.push({ ...group, records: Buffer.from(group.records), kept, writer, leftOut: new Set() })
    writers.set(writer, { number: group.number, kept })
    for (const [name, watcher] of watchers) if (name !== writer) watcher.changed()
    return kept
  }

  /** How many groups stand up to a position; throws where they are others by now, or gone. */
  function placeOf(position: string): number {
    const place = Number.parseInt(position, 10)
    if (place > 0 && groups[place - 1]?.kept.position !== position)
      throw new LogDiverged(`no group stands at ${position}`)
    if (place < expired) throw new LogTruncated(`the groups up to ${expired} have expired`)
    return place
  }

  function isConfirmed({ position }: StoredBlocks): boolean {
    try {
      placeOf(position)
      return true
    } catch {
      return false
    }
  }

  function open(): Log {
    const writer = `writer ${++opened}`
    let isClosed = false
    return {
      info: { id: 'memory', writer, start: START, seed: [1, 2], limits, resendBytes: 8 * 1024 * 1024 },
      frame: frameOf,
      async append(group) {
        const fault = server.fault?.(writer, group)
        if (typeof fault === 'object') await fault.hold
        await Promise.resolve()
        if (isClosed) throw new Error('the log is closed')
        if (fault === 'refuse') throw new LogRefused(new Error('the log is full'))
        if (fault === 'lose the request' || (server.isAway && fault !== 'lose the answer')) throw lost()
        const kept = keep(group.writer ?? writer, group)
        if (fault === 'lose the answer') throw lost()
        return kept
      },
      async *read(after, until) {
        if (server.isAway) throw lost()
        const end = until === undefined ? groups.length - server.hidden : placeOf(until)
        for (let place = placeOf(after); place < end; place++) {
          yield readBack(groups[place]!)
          await Promise.resolve()
        }
      },
      async reach() {
        const first = Math.max(
          groups.findLastIndex(group => group.isReset),
          expired,
        )
        const isComplete = expired === 0 || groups[first]?.isReset === true
        const position = groups[first - 1]?.kept.position ?? START
        return { position, completeMs: isComplete ? Number.NEGATIVE_INFINITY : firstTime(groups[first]) }
      },
      async *stored(until) {
        const from = Math.max(
          groups.findLastIndex(group => group.isReset),
          expired,
        )
        for (const group of groups.slice(from, placeOf(until)))
          yield { records: recordsOf(group).filter((_, place) => !group.leftOut.has(place)) }
      },
      page: async query => pageOf(groups, query),
      async find(ids) {
        if (server.isAway) throw lost()
        const records = groups
          .slice(
            Math.max(
              expired,
              groups.findLastIndex(group => group.isReset),
            ),
          )
          .flatMap(group => recordsOf(group).filter((_, place) => !group.leftOut.has(place)))
        const found = new Map<string, FoundAttempt>()
        for (const record of records) {
          if (record.kind === 'attempt' && ids.has(record.attempt.attempt_id ?? ''))
            found.set(record.attempt.attempt_id!, { attempt: record.attempt, at: record.at, outcomes: [] })
          if (record.kind !== 'outcome') continue
          const one = found.get(record.outcome.attempt_id)
          if (one !== undefined && record.revision > (one.outcomes.at(-1)?.revision ?? 0))
            found.set(record.outcome.attempt_id, { ...one, outcomes: [...one.outcomes, record] })
        }
        return found
      },
      leaveOut(position, places) {
        const group = groups[placeOf(position) - 1]
        for (const place of places) group?.leftOut.add(place)
      },
      snapshots: async () =>
        server.snapshots
          .filter(isConfirmed)
          .map(({ position, blocks }) => ({ position, blocks: () => valuesOf(blocks) })),
      putSnapshot: snapshot => putSnapshot(server, snapshot),
      temporaryFile: async () => createMemoryFile(),
      rotate: async folded => folded,
      async expire() {
        const oldest = server.snapshots.at(-1)
        if (options.expires === true && server.snapshots.length === 2) expired = Number.parseInt(oldest!.position, 10)
        return false
      },
      async recover() {
        if (server.isAway) throw lost()
      },
      watch: watcher => void watchers.set(writer, watcher),
      health: () => ({ writable: true }),
      async close() {
        isClosed = true
        watchers.delete(writer)
      },
    }
  }
  return server
}

const lost = (): Error => new Error('the connection was lost')

/** `time [+skew] SP json LF`. */
function frameOf({ nowMs, idMs }: { readonly nowMs: number; readonly idMs: number }): RecordFrame {
  const before = Buffer.from(`${nowMs},${idMs} `)
  return {
    before,
    after: 1,
    seal(bytes, _start, end) {
      bytes[end] = 0x0a
      return end + 1
    },
  }
}

function recordsOf({ records }: Group): LogRecord[] {
  const lines = Buffer.from(records).toString().split('\n').slice(0, -1)
  return lines.map(line => {
    const space = line.indexOf(' ')
    const [nowMs, idMs] = line.slice(0, space).split(',').map(Number) as [number, number]
    return readRecord({ nowMs, idMs }, JSON.parse(line.slice(space + 1)))!
  })
}

function firstTime(group: StoredGroup | undefined): number {
  return group === undefined ? Number.POSITIVE_INFINITY : recordsOf(group)[0]!.nowMs
}

function readBack(group: StoredGroup): KeptGroup {
  const { kept, writer, number } = group
  return { ...kept, writer, number, records: recordsOf(group) }
}

async function* valuesOf<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

async function putSnapshot(server: MemoryServer, { position, blocks, bytes }: CapturedSnapshot): Promise<number> {
  const parts: Buffer[] = []
  for await (const part of bytes()) parts.push(Buffer.from(part))
  const all = Buffer.concat(parts)
  let end = 0
  const stored = blocks.map(block => {
    end += block.bytes
    return all.subarray(end - block.bytes, end)
  })
  const isOlder = server.snapshots.some(one => Number.parseInt(one.position, 10) >= Number.parseInt(position, 10))
  if (!isOlder) server.snapshots = [{ position, blocks: stored }, ...server.snapshots].slice(0, 2)
  return all.length
}

/** A temporary file on the heap. */
export function createMemoryFile(): Awaited<ReturnType<Log['temporaryFile']>> {
  const parts: Buffer[] = []
  return {
    write: async bytes => void parts.push(Buffer.from(bytes)),
    read: async (offset, length) => Buffer.concat(parts).subarray(offset, offset + length),
    async close() {},
  }
}

/** Cursors count the attempts that were passed from the oldest on. */
function pageOf(groups: readonly StoredGroup[], query: AttemptQuery): AttemptPage {
  const listed: AttemptRecord[] = []
  for (const group of groups) {
    if (group.isReset) listed.length = 0
    for (const [place, record] of recordsOf(group).entries())
      if (record.kind === 'attempt' && !group.leftOut.has(place)) listed.push(record)
  }
  const isOldest = query.order === 'oldest'
  let at = query.cursor === undefined ? (isOldest ? 0 : listed.length) : readCursor(query.cursor, listed.length)
  const attempts: AttemptPage['attempts'][number][] = []
  while (attempts.length < query.limit && (isOldest ? at < listed.length : at > 0)) {
    const { attempt, at: instant } = listed[isOldest ? at++ : --at]!
    const { range } = query
    if (range !== undefined && (instant.ms < range.sinceMs || instant.ms >= range.untilMs)) continue
    if (matches(attempt, query)) attempts.push(attempt)
  }
  const isDone = isOldest ? at >= listed.length : at === 0
  return { attempts, next_cursor: isDone ? null : Buffer.from(`at ${at}`).toString('base64url') }
}

function readCursor(cursor: string, most: number): number {
  const at = Number(/^at (\d+)$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1])
  if (at >= 0 && at <= most) return at
  throw new RangeError('is not a cursor that a page ended with')
}
