/**
 * The file log: a journal in segments next to the document, with snapshots and a lock. One process opens it at a time.
 * The file is long because it connects all parts of the log port.
 */
import {
  type CapturedSnapshot,
  type Group,
  type Kept,
  type Log,
  LogBehind,
  type LogInfo,
  LogNotEmpty,
  LogRefused,
  type LogWatcher,
  type StoredSnapshot,
} from '../../core/log.ts'
import type { StoreHealth } from '../../core/ports.ts'
import { LockLost } from './errors.ts'
import type { ChainOptions } from './journal/extents.ts'
import { createFind } from './journal/id-index.ts'
import type { Journal } from './journal/journal.ts'
import { listAttempts } from './journal/listing.ts'
import { FIRST_MARK, printMark, readMark } from './journal/mark.ts'
import { type ReadReport, reachOf, readGroups } from './journal/read-groups.ts'
import { createFrames } from './journal/record-frame.ts'
import { removeExpired } from './journal/remove-expired.ts'
import { createExpiry, type Expiry, type Retention, withinRetention } from './journal/retention.ts'
import { segmentPath } from './journal/segments.ts'
import { tempPath } from './lock/directory.ts'
import type { DirectoryLock } from './lock/directory-lock.ts'
import { createOwnership, type Ownership, type OwnershipTimes } from './lock/ownership.ts'
import type { Damage } from './recovery/damage.ts'
import { type ForkRecord, mergeForks, type Novelty, readForks } from './recovery/merge-forks.ts'
import { copyAside, moveSnapshotAside } from './recovery/repair.ts'
import { createScrub, type Scrub, type ScrubTimes } from './recovery/scrub.ts'
import type { RecoveredJournal, StartOptions } from './recovery/start.ts'
import { listSnapshots, peekMark, snapshotBlocks, writeSnapshot } from './snapshot/snapshot-files.ts'

export interface FileLogOptions {
  readonly start: StartOptions
  readonly journal: Journal
  readonly recovered: RecoveredJournal
  readonly lock: DirectoryLock
  readonly info: Pick<LogInfo, 'seed' | 'limits'>
  readonly retention: Retention
  readonly damage: Damage
  readonly times: OwnershipTimes
  readonly scrub: ScrubTimes
}

export interface FileLog extends Log {
  /**
   * Appends the records of forks: two owners stored them at the same time, and the start found them. `noveltyOf` tells which records the
   * journal has. Resolves with the number of records that were appended.
   */
  mergeForks(noveltyOf: (record: ForkRecord) => Novelty): Promise<number>
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
  const report = reportOf(options)
  const find = createFind(log.chain, options.info.seed[0])
  const { start, lock, info, retention, journal, recovered } = options
  return {
    info: { ...info, id: undefined, writer: start.owner, start: printMark(FIRST_MARK), resendBytes: 0 },
    frame: createFrames(),
    append: group => append(log, group),
    read: (after, until) =>
      readGroups(
        { ...start, journal, end: readMark(log.end), report },
        readMark(after),
        until === undefined ? undefined : readMark(until),
      ),
    reach: () =>
      reachOf({ ...start, segments: recovered.segments.keys(), resetAt: log.resetAt, isNew: recovered.hasOnlyAdopted }),
    async *stored(until) {
      yield* this.read((await this.reach()).position, until)
    },
    page: query =>
      ownership.whileHeld(() =>
        listAttempts({ ...log.chain(), onDamage: scrub.examine }, withinRetention(query, retention, start.clock())),
      ),
    find: ids => ownership.whileHeld(() => find(ids)),
    // There is no other writer, so no duplicate is ever appended.
    leaveOut() {},
    snapshots: () => snapshots(log),
    putSnapshot: snapshot => putSnapshot(log, snapshot),
    temporaryFile: () => start.fileSystem.createTemp(tempPath(start.directory, 'snapshot')),
    rotate: folded => rotate(log, folded),
    expire: () => removeExpired({ ...options, files: start, expiry: log.expiry, clock: start.clock }, log),
    recover: () => recover(log, ownership),
    watch(watcher) {
      log.watcher = watcher
    },
    health: () => health(options, ownership),
    mergeForks: noveltyOf => mergeForksInto(log, report, noveltyOf),
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
  const { start, journal, retention, recovered } = options
  const { resetAt, lastSnapshot } = recovered
  const links: ChainOptions['links'] = new Map()
  const log: OpenLog = {
    options,
    chain: () => ({ ...start, journal, resetAt: log.resetAt, links }),
    expiry: createExpiry(start, retention),
    resetAt,
    newestSnapshot: lastSnapshot,
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
  const { start, lock, journal, recovered, times } = log.options
  return createOwnership({
    ...start,
    lock,
    journal,
    segments: recovered.segments,
    newestSnapshot: () => log.newestSnapshot,
    times,
    onLoss: error => log.watcher?.failed(error),
  })
}

function currentEnd({ options: { journal }, resetAt }: OpenLog): string {
  return printMark({ ...journal.end, records: journal.records, resetAt })
}

function reportOf({ start, damage }: FileLogOptions): ReadReport {
  return {
    async damaged(sequence, lines) {
      const path = segmentPath(start.directory, sequence)
      if (!damage.count(path, lines)) return
      start.log.error('the journal is damaged: what cannot be read is not counted', { path, lines })
      await copyAside(start, path)
    },
    missing({ segment, offset }) {
      start.log.error('part of the journal is missing', { path: segmentPath(start.directory, segment), bytes: offset })
    },
  }
}

async function append(log: OpenLog, group: Group): Promise<Kept> {
  if (group.writer !== undefined) return await appendAdopted(log, group, group.writer)
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
  const kept = keptNow(log)
  log.last = { number: group.number, kept }
  return kept
}

/** A record that was stored since the last group. */
function keptNow(log: OpenLog): Kept {
  const kept = { position: currentEnd(log), after: log.end }
  log.end = kept.position
  return kept
}

/** Each group is a segment of its own, which is there whole or not at all, and names the writer. */
async function appendAdopted(log: OpenLog, { number, records, attempts }: Group, writer: string): Promise<Kept> {
  const { journal, recovered } = log.options
  const { adopted, hasOnlyAdopted, segments } = recovered
  const latest = adopted.get(writer) ?? 0
  if (number !== latest + 1) throw new LogBehind(latest)
  if (number === 1 && !(hasOnlyAdopted && segments.size === 0)) throw new LogNotEmpty()
  await journal.addSegment(records, { attempts, adoption: { writer, number } })
  adopted.set(writer, number)
  return keptNow(log)
}

async function mergeForksInto(
  log: OpenLog,
  report: ReadReport,
  noveltyOf: (record: ForkRecord) => Novelty,
): Promise<number> {
  const { start, journal, recovered } = log.options
  const forks = await readForks(start, recovered.forks, noveltyOf)
  for (const { sequence, corrupt } of forks) if (corrupt > 0) await report.damaged(sequence, corrupt)
  await mergeForks({ directory: start.directory, journal, log: start.log }, forks)
  if (forks.length > 0) keptNow(log)
  return forks.reduce((sum, { records }) => sum + records.length, 0)
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
    stored.push({
      position: printMark(mark),
      blocks: () => snapshotBlocks(start, sequence),
      setAside: reason => moveSnapshotAside(start, sequence, reason),
    })
  }
  return stored
}

async function rotate(log: OpenLog, folded: string): Promise<string> {
  // A group that was appended for another writer may not be folded yet. A snapshot at the end would skip it.
  if (folded !== log.end) return folded
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
    // Damage limits listings. New attempts are recorded anyway.
    ...(detail !== undefined && { advisories: [{ name: 'damage', detail }] }),
  }
}

function refused(error: unknown): LogRefused {
  return new LogRefused(error, { isFinal: error instanceof LockLost && error.isFinal })
}
