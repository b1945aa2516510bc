/**
 * The log over a database or stream that several sidecars share. A backend supplies its statements. Everything that depends on their order is
 * here: the read loop, the search for groups of other sidecars, and what an error says about a group.
 */
import type { LogRecord } from '../../core/fold.ts'
import {
  type Group,
  type Kept,
  type KeptGroup,
  type Log,
  LogBehind,
  LogDiverged,
  type LogInfo,
  LogNotEmpty,
  LogRefused,
  LogTruncated,
  type Position,
} from '../../core/log.ts'
import type { Clock, StoreHealth } from '../../core/ports.ts'
import { nodeFileSystem } from '../file/file-system.ts'
import { type Head, READ_GROUPS, type ReadGroup, type SharedGroups, type SharedSnapshots } from './groups.ts'
import { createFind } from './id-index.ts'
import { pageOf } from './page.ts'
import { START, sequenceOf } from './position.ts'
import { reachOf } from './reach.ts'
import { createFrames, readRecords } from './records.ts'
import { type Retention, withinRetention } from './retention.ts'
import { NotSent, Unanswered } from './server-errors.ts'
import { storedRecords } from './stored.ts'
import { createWatch, type Watch } from './watch.ts'

/** Acknowledged groups that are sent again after a failover that lost them, in bytes. */
const RESEND_BYTES = 8 * 1024 * 1024

export interface SharedLogParts {
  /** Unique for each opening. */
  readonly writer: string
  readonly head: Head
  readonly groups: SharedGroups
  readonly snapshots: SharedSnapshots
  readonly clock: Clock
  readonly retention: Retention
  /** Whether it is only asked: nothing is written then. */
  readonly isReadOnly: boolean
  /** See {@link WatchOptions}. */
  readonly pollMs: number
  /** The path of a temporary file for a snapshot. */
  readonly temporaryPath: string
  /** See {@link Log.expire}. */
  expire(): Promise<boolean>
  /** See {@link Log.recover}. */
  recover(): Promise<void>
  health(): StoreHealth
  close(): Promise<void>
}

/** A log with the identity that all its sidecars see. */
export interface SharedLog extends Log {
  readonly info: LogInfo & { readonly id: string }
}

export function createSharedLog(parts: SharedLogParts): SharedLog {
  const { writer, head, groups, snapshots, clock, retention, isReadOnly } = parts
  const watch = createWatch(parts)
  return {
    info: {
      id: head.id,
      writer,
      start: START,
      seed: head.seed,
      limits: head.limits,
      tiers: head.limits.tiers,
      resendBytes: RESEND_BYTES,
    },
    frame: createFrames(),
    append: createAppend(parts, watch),
    read: (after, until) => readGroups(groups, watch, { after, until }),
    reach: async () => reachOf(await groups.ends(), groups.at),
    async *stored(until) {
      yield* storedRecords(groups, await groups.ends(), until)
    },
    page: query => pageOf(groups, withinRetention(query, retention, clock())),
    find: createFind(groups, head.seed[0]),
    leaveOut(position, places) {
      // Best effort: a listing then shows a repeat twice, and no number changes.
      if (!isReadOnly) groups.leaveOut(sequenceOf(position), places).catch(() => undefined)
    },
    snapshots: snapshots.list,
    putSnapshot: snapshots.put,
    temporaryFile: () => nodeFileSystem.createTemp(parts.temporaryPath),
    rotate: async folded => folded,
    expire: parts.expire,
    recover: parts.recover,
    watch: watch.begin,
    health: parts.health,
    async close() {
      watch.stop()
      await parts.close()
    },
  }
}

function createAppend({ writer, groups }: SharedLogParts, watch: Pick<Watch, 'duringAppend'>): Log['append'] {
  /** Whether an append of the group that is sent now had no answer: it may be stored, or be stored yet. */
  let isUnknown = false
  /** The number of the newest acknowledged group of this writer. */
  let acknowledged = 0

  return async (group: Group): Promise<Kept> => {
    const isOwn = group.writer === undefined
    try {
      const kept = await watch.duringAppend(() => groups.append(group.writer ?? writer, group))
      isUnknown = false
      if (isOwn) acknowledged = Math.max(acknowledged, group.number)
      return kept
    } catch (error) {
      if (error instanceof LogBehind || error instanceof LogNotEmpty || error instanceof LogRefused) throw error
      if (error instanceof Unanswered) isUnknown = true
      // Without a connection, and with the server's own error, this try stored nothing. An earlier one may have.
      const isStored = isUnknown || (isOwn && group.number <= acknowledged)
      throw !isStored && (error instanceof NotSent || groups.isRefusal(error)) ? new LogRefused(error) : error
    }
  }
}

async function* readGroups(
  groups: SharedGroups,
  watch: Pick<Watch, 'know'>,
  { after, until }: { readonly after: Position; readonly until: Position | undefined },
): AsyncGenerator<KeptGroup> {
  let next = groups.after(sequenceOf(after))
  for (let position = after; position !== until; ) {
    const read = await next
    const isMore = read.length === READ_GROUPS
    // The server works while these groups are folded.
    if (isMore) next = ahead(groups.after(sequenceOf(read.at(-1)!.position)))
    // A group that names the position as the one before it proves that the log continues it.
    if (read[0]?.after !== position) {
      const gone = await groups.whyGone(position)
      if (gone !== undefined) throw new (gone.isTruncated ? LogTruncated : LogDiverged)(gone.detail)
    }
    for (const group of read) {
      yield lazily(group)
      position = group.position
      watch.know(position)
      if (position === until) return
    }
    if (!isMore) return
  }
}

/** A read whose result may not be wanted: its failure is reported only where it is. */
function ahead<T>(read: Promise<T>): Promise<T> {
  read.catch(() => undefined)
  return read
}

/** Parses the records when they are first read: those of its own groups, a sidecar folds from memory. */
function lazily({ records: text, ...group }: ReadGroup): KeptGroup {
  let records: readonly LogRecord[] | undefined
  return {
    ...group,
    get records() {
      records ??= readRecords(text)
      return records
    },
  }
}
