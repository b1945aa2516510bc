/** The file log: a journal in segments next to the document, with snapshots and a lock. One process opens it at a time. */
import {
  type CapturedSnapshot,
  type Group,
  type Kept,
  type Log,
  type LogInfo,
  LogRefused,
  type LogWatcher,
  type Position,
  type StoredSnapshot,
} from '../../core/log.ts'
import type { StoreHealth } from '../../core/ports.ts'
import { LockLost } from './errors.ts'
import type { ChainOptions } from './journal/extents.ts'
import { findAttempt } from './journal/find-attempt.ts'
import type { Journal } from './journal/journal.ts'
import { listAttempts } from './journal/listing.ts'
import { FIRST_MARK, printMark, readMark } from './journal/mark.ts'
import { readGroups } from './journal/read-groups.ts'
import { createFrames } from './journal/record-frame.ts'
import { removeExpired } from './journal/remove-expired.ts'
import { createExpiry, type Expiry, type Retention, withinRetention } from './journal/retention.ts'
import { tempPath } from './lock/directory.ts'
import type { DirectoryLock } from './lock/directory-lock.ts'
import { createOwnership, type Ownership, type OwnershipTimes } from './lock/ownership.ts'
import type { Damage } from './recovery/damage.ts'
import { createScrub, type Scrub, type ScrubTimes } from './recovery/scrub.ts'
import type { StartOptions } from './recovery/start.ts'
import { listSnapshots, peekMark, snapshotBlocks, writeSnapshot } from './snapshot/snapshot-files.ts'

export interface FileLogOptions {
  readonly start: StartOptions
  readonly journal: Journal
  /** The journal's own map of segment sizes. */
  readonly segments: Map<number, number>
  readonly lock: DirectoryLock
  readonly info: Omit<LogInfo, 'start' | 'writer' | 'resendBytes'>
  readonly retention: Retention
  /** The segment of the last reset. */
  readonly resetAt: number
  readonly newestSnapshot: number
  readonly damage: Damage
  readonly times: OwnershipTimes
  readonly scrub: ScrubTimes
}

export interface FileLog extends Log {
  /** The current end of the journal. */
  readonly end: Position
  /** Reads and verifies all segments and snapshots now. Resolves when it is done. */
  verify(): Promise<void>
}

/** The state of an open log. */
interface OpenLog {
  readonly options: FileLogOptions
  readonly chain: () => ChainOptions
  readonly expiry: Expiry
  /** The segment of the last reset. */
  resetAt: number
  newestSnapshot: number
  /** The latest group, to answer a repeated append. */
  last: { readonly number: number; readonly kept: Kept } | undefined
  /** The position of the latest group or snapshot. A new segment without records does not change it. */
  end: string
  watcher: LogWatcher | undefined
}

export function createFileLog(options: FileLogOptions): FileLog {
  const log = openLog(options)
  const scrub = scrubOf(log)
  const ownership = ownershipOf(log)
  const { start, lock, info, retention, journal } = options
  return {
    info: { ...info, writer: start.owner, start: printMark(FIRST_MARK), resendBytes: 0 },
    frame: createFrames(),
    append: group => append(log, group),
    read: after => readGroups({ ...start, journal }, readMark(after)),
    page: query =>
      ownership.whileHeld(() =>
        listAttempts({ ...log.chain(), onDamage: scrub.examine }, withinRetention(query, retention, start.clock())),
      ),
    find: attemptId => ownership.whileHeld(() => findAttempt(log.chain(), attemptId)),
    // There is no other writer, so no duplicate is ever appended.
    leaveOut() {},
    snapshots: () => snapshots(log),
    putSnapshot: snapshot => putSnapshot(log, snapshot),
    spool: () => start.fileSystem.createTemp(tempPath(start.directory, 'snapshot')),
    rotate: () => rotate(log),
    expire: () => removeExpired({ ...options, files: start, expiry: log.expiry, clock: start.clock }, log),
    recover: () => recover(log, ownership),
    watch(watcher) {
      log.watcher = watcher
    },
    health: () => health(options, ownership),
    get end() {
      return log.end
    },
    verify: scrub.pass,
    async close() {
      ownership.stop()
      await scrub.close()
      await journal.close()
      await lock.release()
    },
  }
}

function openLog(options: FileLogOptions): OpenLog {
  const { start, journal, retention, resetAt, newestSnapshot } = options
  const links: ChainOptions['links'] = new Map()
  const log: OpenLog = {
    options,
    chain: () => ({ ...start, journal, resetAt: log.resetAt, links }),
    expiry: createExpiry(start, retention),
    resetAt,
    newestSnapshot,
    last: undefined,
    end: printMark({ ...journal.end, records: journal.records, resetAt }),
    watcher: undefined,
  }
  return log
}

function scrubOf(log: OpenLog): Scrub {
  const { start, journal, damage, scrub } = log.options
  return createScrub({
    ...start,
    damage,
    chain: log.chain,
    times: scrub,
    onDamagedSnapshot: () => log.watcher?.needsSnapshot(),
    keepOldest: () => journal.storeOldest(),
  })
}

function ownershipOf(log: OpenLog): Ownership {
  const { start, lock, journal, segments, times } = log.options
  return createOwnership({
    ...start,
    lock,
    journal,
    segments,
    newestSnapshot: () => log.newestSnapshot,
    times,
    onLoss: error => log.watcher?.failed(error),
  })
}

function currentEnd({ options: { journal }, resetAt }: OpenLog): string {
  return printMark({ ...journal.end, records: journal.records, resetAt })
}

async function append(log: OpenLog, group: Group): Promise<Kept> {
  if (log.last?.number === group.number) return log.last.kept
  const { journal } = log.options
  try {
    if (group.isReset) {
      await journal.begin(group.records, { reset: true })
      log.resetAt = journal.end.segment
    } else await journal.append(group.records, group.attempts)
  } catch (error) {
    // Final: the bytes of a failed write are truncated, or the next segment excludes them. They are never read again.
    throw refused(error)
  }
  const kept = { position: currentEnd(log), after: log.end }
  log.end = kept.position
  log.last = { number: group.number, kept }
  return kept
}

async function putSnapshot(log: OpenLog, snapshot: CapturedSnapshot): Promise<number> {
  const { start, lock } = log.options
  log.newestSnapshot++
  return await writeSnapshot(start, log.newestSnapshot, {
    mark: readMark(snapshot.position),
    blocks: snapshot.blocks,
    bytes: () => whileHeld(lock, snapshot.bytes()),
  })
}

/** Throws at the end if the lock was lost meanwhile: the file must not replace one that another owner wrote. */
async function* whileHeld(lock: DirectoryLock, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* bytes
  lock.assertHeld()
}

async function snapshots({ options: { start }, resetAt }: OpenLog): Promise<StoredSnapshot[]> {
  const stored: StoredSnapshot[] = []
  for (const sequence of (await listSnapshots(start)).reverse()) {
    const mark = await peekMark(start, sequence)
    if (mark === undefined || mark.segment < resetAt) continue
    stored.push({ position: printMark(mark), blocks: () => snapshotBlocks(start, sequence) })
  }
  return stored
}

async function rotate(log: OpenLog): Promise<string> {
  const { start, journal } = log.options
  const { segment, offset } = journal.end
  if (await log.expiry.isToBeClosed(segment, offset, start.clock())) await journal.begin()
  log.end = currentEnd(log)
  return log.end
}

async function recover({ options: { journal } }: OpenLog, ownership: Ownership): Promise<void> {
  try {
    await ownership.renew()
    await journal.begin()
  } catch (error) {
    throw refused(error)
  }
}

function health({ lock, damage }: FileLogOptions, ownership: Ownership): StoreHealth {
  ownership.check()
  const loss = lock.loss()
  const { detail } = damage.known
  return {
    ...(loss === undefined ? { writable: true } : { writable: false, reason: loss.message }),
    // Damage limits listings. New attempts are recorded all the same.
    ...(detail !== undefined && { advisories: [{ name: 'damage', detail }] }),
  }
}

function refused(error: unknown): LogRefused {
  return new LogRefused(error, { isFinal: error instanceof LockLost && error.isFinal })
}
