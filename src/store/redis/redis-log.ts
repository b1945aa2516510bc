/** A log in a Redis stream, for many sidecars. */
import { randomBytes, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Advisory } from '../../core/ports.ts'
import type { SharedLogOptions } from '../shared/backend.ts'
import type { Head } from '../shared/groups.ts'
import { type LogLimits, printLimits, readLimits } from '../shared/limits.ts'
import type { Retention } from '../shared/retention.ts'
import { NotDurable } from '../shared/server-errors.ts'
import { createSharedLog, type SharedLog } from '../shared/shared-log.ts'
import { forgetBefore } from '../shared/writers.ts'
import { type Connection, type ConnectionTimes, openConnection } from './connection.ts'
import { createGroups, type Groups, type ReadGroup } from './groups.ts'
import { CREATE, TRIM } from './scripts.ts'
import { checkServer } from './server.ts'
import { createSnapshotKeys } from './snapshot-keys.ts'
import type { Keys, Target } from './target.ts'
import { forgetWriters, seeWriter } from './writers.ts'

export interface RedisLogOptions extends SharedLogOptions<Target> {
  readonly times?: ConnectionTimes | undefined
}

/** The version of the keys' format. */
const FORMAT = 1

/** Opens the log. Rejects where the server cannot be reached, or may delete what it stores. */
export async function openRedisLog(options: RedisLogOptions): Promise<SharedLog> {
  const { target, times, warn, requireDurable = false, isReadOnly = false } = options
  const connection = await openConnection(target, times)
  try {
    if (isReadOnly) return createLog(options, connection, await readHead(connection, target), [])
    // In a cluster, this leads to the node that has the keys, which is the one to check.
    await connection.send('EXISTS', target.keys.head)
    const advisories = await checkServer(connection)
    for (const { detail } of advisories) warn?.(detail, { store: target.name })
    const weak = advisories.filter(({ name }) => name === 'durability')
    if (requireDurable && weak.length > 0) throw new NotDurable(weak.map(({ detail }) => detail))
    const head = await createHead(connection, target.keys, options.limits)
    return createLog(options, connection, head, advisories)
  } catch (error) {
    await connection.close()
    throw error
  }
}

async function createHead(connection: Connection, keys: Keys, limits: LogLimits): Promise<Head> {
  const random = randomBytes(8)
  const seed = JSON.stringify([random.readUInt32LE(0), random.readUInt32LE(4)])
  const made = [randomUUID(), seed, printLimits(limits)]
  return parseHead(await connection.run<string[]>(CREATE, [keys.head], ...made))
}

/** Reads the head of a log, and changes nothing. */
async function readHead({ send }: Connection, { keys, name }: Target): Promise<Head> {
  const found = await send<(string | null)[]>('HMGET', keys.head, 'version', 'id', 'seed', 'limits')
  if (found.includes(null)) throw new NoKeys(name)
  return parseHead(found as string[])
}

function parseHead([version, id, seed, limits]: readonly string[]): Head {
  if (Number(version) > FORMAT) throw new NewerKeys(Number(version))
  return { id: id!, seed: JSON.parse(seed!) as [number, number], limits: readLimits(limits!) }
}

/** There is no store. */
export class NoKeys extends Error {
  override readonly name = 'NoKeys'
  /** As that of a missing file. */
  readonly exitCode = 74

  constructor(store: string) {
    super(`there is no store of that name at ${store}`)
  }
}

/** The keys were written by a newer version. Nothing was changed. */
export class NewerKeys extends Error {
  override readonly name = 'NewerKeys'
  readonly exitCode = 78

  constructor(version: number) {
    super(`its keys have version ${version}, and this version of the program reads up to ${FORMAT}`)
  }
}

function createLog(
  { target, clock, retention, isReadOnly = false, pollMs = 100 }: RedisLogOptions,
  connection: Connection,
  head: Head,
  advisories: readonly Advisory[],
): SharedLog {
  const { keys } = target
  const writer = randomUUID()
  const groups = createGroups(connection, { keys, logId: head.id, clock, replicas: target.replicas })
  const snapshots = createSnapshotKeys(connection, keys, groups.whyGone)
  return createSharedLog({
    writer,
    head,
    groups,
    snapshots,
    clock,
    retention,
    isReadOnly,
    pollMs,
    temporaryPath: join(tmpdir(), `agent-performance-${writer}.tmp`),
    async expire() {
      const nowMs = clock()
      await seeWriter(connection, keys, writer, nowMs)
      const isBlocked = await expire(connection, keys, groups, { retention, nowMs, covered: await snapshots.covered() })
      await forgetWriters(connection, keys, forgetBefore(retention, nowMs))
      return isBlocked
    },
    // Fails where the server answers questions only: a replica, or a server whose memory is full.
    recover: () => seeWriter(connection, keys, writer, clock()),
    health: () => ({ writable: true, ...(advisories.length > 0 && { advisories }) }),
    close: connection.close,
  })
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
