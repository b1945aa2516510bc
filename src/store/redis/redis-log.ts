/** A log in a Redis stream, for many sidecars. */
import { randomBytes, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Limits } from '../../core/fold.ts'
import {
  type Group,
  type Kept,
  type Log,
  LogBehind,
  LogDiverged,
  LogNotEmpty,
  LogRefused,
  LogTruncated,
  type LogWatcher,
} from '../../core/log.ts'
import type { Advisory, Clock } from '../../core/ports.ts'
import { nodeFileSystem } from '../file/file-system.ts'
import { pageOf } from '../shared/page.ts'
import { START, sequenceOf } from '../shared/position.ts'
import { reachOf } from '../shared/reach.ts'
import { createFrames, readRecords } from '../shared/records.ts'
import { type Retention, withinRetention } from '../shared/retention.ts'
import { type Connection, type ConnectionTimes, NotSent, openConnection, replyOf, Unanswered } from './connection.ts'
import { createGroups, type Groups, type ReadGroup } from './groups.ts'
import { APPEND, CREATE, TRIM } from './scripts.ts'
import { checkServer } from './server.ts'
import { createSnapshotKeys } from './snapshot-keys.ts'
import type { Keys, Target } from './target.ts'

export interface RedisLogOptions {
  readonly target: Target
  readonly clock: Clock
  /** Of a log that is created. A log that exists keeps its own. */
  readonly limits: Limits
  readonly retention: Retention
  /** How often appends of other sidecars are looked for: every 100 ms. */
  readonly pollMs?: number | undefined
  readonly times?: ConnectionTimes | undefined
}

/** Acknowledged groups that are sent again after a failover that lost them, in bytes. */
const RESEND_BYTES = 8 * 1024 * 1024
/** How long replicas may take to receive a group, in milliseconds. */
const REPLICATION_MS = '1000'
/** The version of the keys' format. */
const FORMAT = 1

/** Opens the log. Rejects where the server cannot be reached, or may delete what it stores. */
export async function openRedisLog(options: RedisLogOptions): Promise<Log> {
  const { target, times } = options
  const connection = await openConnection(target, times)
  try {
    const advisories = await checkServer(connection)
    const head = await createHead(connection, target.keys, options.limits)
    return createLog(options, connection, { ...head, advisories })
  } catch (error) {
    await connection.close()
    throw error
  }
}

interface Head {
  readonly id: string
  readonly seed: readonly [number, number]
  readonly limits: Limits
}

async function createHead(connection: Connection, keys: Keys, limits: Limits): Promise<Head> {
  const random = randomBytes(8)
  const seed = JSON.stringify([random.readUInt32LE(0), random.readUInt32LE(4)])
  const made = [randomUUID(), seed, JSON.stringify(limits)]
  const [version, id, storedSeed, stored] = await connection.run<string[]>(CREATE, [keys.head], ...made)
  if (Number(version) > FORMAT) throw new NewerKeys(Number(version))
  return { id: id!, seed: JSON.parse(storedSeed!) as [number, number], limits: JSON.parse(stored!) as Limits }
}

/** The keys were written by a newer version. Nothing was changed. */
export class NewerKeys extends Error {
  override readonly name = 'NewerKeys'

  constructor(version: number) {
    super(`its keys have version ${version}, and this version of the program reads up to ${FORMAT}`)
  }
}

function createLog(
  { target, clock, retention, pollMs = 100 }: RedisLogOptions,
  connection: Connection,
  { id, seed, limits, advisories }: Head & { readonly advisories: readonly Advisory[] },
): Log {
  const { keys } = target
  const writer = randomUUID()
  const groups = createGroups(connection, keys)
  const snapshots = createSnapshotKeys(connection, keys, groups.whyGone)
  let watcher: LogWatcher | undefined
  let polling: NodeJS.Timeout | undefined
  let isPolling = false
  /** Whether an append of the group that is sent now had no answer: it may be stored, or be stored yet. */
  let isUnknown = false
  let seen = START

  async function append(group: Group): Promise<Kept> {
    const { number, isReset, records } = group
    const isFirst = group.writer !== undefined && number === 1
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    const args = [id, group.writer ?? writer, String(number), flag(isReset), bytes, String(clock()), flag(isFirst)]
    try {
      const [sequence, chain, before] = await connection.run<string[]>(
        APPEND,
        [keys.log, keys.head, keys.writers],
        ...args,
      )
      await replicated()
      isUnknown = false
      seen = `${sequence}:${chain}`
      return { position: seen, after: `${Number(sequence) - 1}:${before}` }
    } catch (error) {
      throw explained(error)
    }
  }

  /** Waits until as many replicas as the target asks for have everything that this connection wrote. */
  async function replicated(): Promise<void> {
    if (target.replicas === 0) return
    const there = await connection.send<number>('WAIT', String(target.replicas), REPLICATION_MS)
    if (there < target.replicas) throw new Unanswered(`${there} of ${target.replicas} replicas have the attempts`)
  }

  function explained(error: unknown): unknown {
    if (error instanceof Unanswered) isUnknown = true
    const reply = replyOf(error)
    const behind = /^BEHIND (\d+)/.exec(reply ?? '')
    if (behind !== null) return new LogBehind(Number(behind[1]))
    if (reply?.startsWith('NOTEMPTY')) return new LogNotEmpty()
    if (reply?.startsWith('REPLACED'))
      return new LogRefused(new Error('the stream was deleted or replaced: restart'), { isFinal: true })
    // The server's own error means that nothing was stored, unless an earlier try may still be.
    const isNotStored = error instanceof NotSent || reply !== undefined
    return isUnknown || !isNotStored ? error : new LogRefused(error)
  }

  async function poll(): Promise<void> {
    if (isPolling) return
    isPolling = true
    try {
      const now = await groups.end()
      if (now !== seen) watcher?.changed()
      seen = now
    } catch (error) {
      if (polling !== undefined) watcher?.failed(error instanceof Error ? error : new Error(String(error)))
    } finally {
      isPolling = false
    }
  }

  return {
    info: { writer, seed, limits, start: START, resendBytes: RESEND_BYTES },
    frame: createFrames(),
    append,
    async *read(after, until) {
      for (let position = after; position !== until; ) {
        const gone = await groups.whyGone(position)
        if (gone !== undefined) throw new (gone.isTruncated ? LogTruncated : LogDiverged)(gone.detail)
        const read = await groups.after(sequenceOf(position))
        if (read.length === 0) return
        for (const { records, ...group } of read) {
          yield { ...group, records: readRecords(records) }
          position = group.position
          if (position === until) break
        }
      }
    },
    reach: async () => reachOf(await groups.ends(), groups.at),
    page: query => pageOf(groups, withinRetention(query, retention, clock())),
    find: groups.find,
    leaveOut(position, places) {
      // Best effort: a listing then shows a repeat twice, and no number changes.
      groups.leaveOut(sequenceOf(position), places).catch(() => undefined)
    },
    snapshots: snapshots.list,
    putSnapshot: snapshots.put,
    spool: () => nodeFileSystem.createTemp(join(tmpdir(), `agent-performance-${writer}.spool`)),
    rotate: async folded => folded,
    expire: async () =>
      expire(connection, keys, groups, { retention, nowMs: clock(), covered: await snapshots.covered() }),
    async recover() {
      // Fails where the server answers questions only: a replica, or a server whose memory is full.
      await connection.send('HSET', keys.writers, `${writer}:seen`, String(clock()))
    },
    watch(given) {
      watcher = given
      polling = setInterval(() => void poll(), pollMs).unref()
    },
    health: () => ({ writable: true, ...(advisories.length > 0 && { advisories }) }),
    async close() {
      clearInterval(polling)
      polling = undefined
      await connection.close()
    },
  }
}

/** Deletes groups beyond the retention that two snapshots cover. True if another snapshot would allow deleting more. */
async function expire(
  connection: Connection,
  keys: Keys,
  groups: Groups,
  { retention, nowMs, covered }: { readonly retention: Retention; readonly nowMs: number; readonly covered: number },
): Promise<boolean> {
  for (;;) {
    const [first, bytes, resetAt] = (
      await connection.send<string[]>('HMGET', keys.head, 'first', 'bytes', 'reset_at')
    ).map(Number)
    const { leaving, rest, isBlocked } = leavingOf(await groups.after(first! - 1), {
      bytes: bytes!,
      covered,
      isWanted: (group, left) =>
        group.keptMs < nowMs - retention.maxAgeMs || group.sequence < resetAt! || left > retention.maxBytes,
    })
    const last = leaving.at(-1)
    if (last !== undefined) {
      const chain = last.position.slice(last.position.indexOf(':') + 1)
      const keysOfTrim = [keys.log, keys.head, keys.repeats]
      await connection.run(TRIM, keysOfTrim, String(first), String(last.sequence + 1), chain, String(bytes! - rest))
    }
    if (isBlocked || last === undefined) return isBlocked
  }
}

const flag = (is: boolean): string => (is ? '1' : '0')

interface Leaving {
  readonly leaving: readonly ReadGroup[]
  /** The bytes of all groups that stay. */
  readonly rest: number
  /** Whether the next group is wanted to leave, and no two snapshots cover it. */
  readonly isBlocked: boolean
}

/** The groups at the beginning of the stream that are wanted to leave and that two snapshots cover. */
function leavingOf(
  oldest: readonly ReadGroup[],
  options: {
    readonly bytes: number
    readonly covered: number
    readonly isWanted: (group: ReadGroup, left: number) => boolean
  },
): Leaving {
  const leaving: ReadGroup[] = []
  let rest = options.bytes
  for (const group of oldest) {
    if (!options.isWanted(group, rest)) break
    if (group.sequence > options.covered) return { leaving, rest, isBlocked: true }
    rest -= Buffer.byteLength(group.records)
    leaving.push(group)
  }
  return { leaving, rest, isBlocked: false }
}
