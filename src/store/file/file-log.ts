/** The file log: a journal in segments beside the document, snapshots among them, and a lock. One process has it at a time. */
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
import { LockLost } from './errors.ts'
import type { ChainOptions, Link } from './journal/extents.ts'
import { findAttempt } from './journal/find-attempt.ts'
import type { Journal } from './journal/journal.ts'
import { listAttempts } from './journal/listing.ts'
import { FIRST_MARK, printMark, readMark } from './journal/mark.ts'
import { type ReadReport, reachOf, readGroups } from './journal/read-groups.ts'
import { lineHead, sealLine } from './journal/record.ts'
import { createExpiry, type Retention, withinRetention } from './journal/retention.ts'
import { segmentPath } from './journal/segments.ts'
import { createTidy } from './journal/tidy.ts'
import { type Hold, scratchPath } from './lock/directory.ts'
import { createOwnership, type OwnershipTimes } from './lock/ownership.ts'
import type { Damage } from './recovery/damage.ts'
import { type ForkRecord, mergeForks, readForks } from './recovery/merge-forks.ts'
import { copyAside, moveSnapshotAside } from './recovery/repair.ts'
import { createScrub, type ScrubTimes } from './recovery/scrub.ts'
import type { RecoveredJournal, StartOptions } from './recovery/start.ts'
import { listSnapshots, peekMark, snapshotBlocks, writeSnapshot } from './snapshot/snapshot-files.ts'

export interface FileLogOptions {
  readonly start: StartOptions
  readonly journal: Journal
  readonly recovered: RecoveredJournal
  readonly hold: Hold
  readonly info: Omit<LogInfo, 'start' | 'writer' | 'resendBytes'>
  readonly retention: Retention
  readonly damage: Damage
  readonly times: OwnershipTimes
  readonly scrub: ScrubTimes
}

export interface FileLog extends Log {
  /**
   * Appends what two owners stored at the same time, as a start finds it. `isKnown` tells which records the journal has. Returns the number
   * of records that were appended.
   */
  mergeForks(isKnown: (record: ForkRecord) => boolean): Promise<number>
  /** Reads and verifies all segments and snapshots now; resolves when that is done. */
  verify(): Promise<void>
}

/** It is long because every part of the port is connected here. */
export function createFileLog(options: FileLogOptions): FileLog {
  const { start, journal, recovered, hold, info, retention } = options
  const { segments, adopted } = recovered
  const { fileSystem, directory, owner, clock } = start
  const expiry = createExpiry(start, retention)
  const tidy = createTidy({ files: start, journal, hold, retention, expiry, clock })
  const links = new Map<number, Link>()
  const chain = (): ChainOptions => ({ ...start, journal, resetAt, links })
  const scrub = createScrub({
    ...start,
    damage: options.damage,
    chain,
    times: options.scrub,
    onDamagedSnapshot: () => watcher?.needsSnapshot(),
    keepOldest: () => journal.keepOldest(),
  })
  let { resetAt, lastSnapshot: newestSnapshot } = recovered
  let last: { readonly number: number; readonly kept: Kept } | undefined
  /** Where the last group or snapshot stands: a segment that was only begun since holds nothing to be folded. */
  let end = markNow()
  let watcher: LogWatcher | undefined
  const ownership = createOwnership({
    ...start,
    hold,
    journal,
    segments,
    newestSnapshot: () => newestSnapshot,
    times: options.times,
    onLoss: error => watcher?.failed(error),
  })

  function markNow(): string {
    return printMark({ ...journal.end, records: journal.records, resetAt })
  }

  const report: ReadReport = {
    async damaged(sequence, lines) {
      const path = segmentPath(directory, sequence)
      if (!options.damage.count(path, lines)) return
      start.log.error('the journal is damaged: what cannot be read is not counted', { path, lines })
      await copyAside(start, path)
    },
    missing({ segment, offset }) {
      start.log.error('part of the journal is missing', { path: segmentPath(directory, segment), bytes: offset })
    },
  }

  async function append(group: Group): Promise<Kept> {
    if (group.writer !== undefined) return await appendAdopted(group, group.writer)
    if (last?.number === group.number) return last.kept
    try {
      if (group.isReset) {
        await journal.begin(group.records, { reset: true })
        resetAt = journal.end.segment
      } else await journal.append(group.records, group.attempts)
    } catch (error) {
      // What failed is cut off, or skipped by the next segment: it is never read again.
      throw refused(error)
    }
    const kept = keptNow()
    last = { number: group.number, kept }
    return kept
  }

  /** What was stored since the last group. */
  function keptNow(): Kept {
    const kept = { position: markNow(), after: end }
    end = kept.position
    return kept
  }

  /** Each group is a segment of its own, which is there whole or not at all, and names the writer. */
  async function appendAdopted({ number, records, attempts }: Group, writer: string): Promise<Kept> {
    const latest = adopted.get(writer) ?? 0
    if (number !== latest + 1) throw new LogBehind(latest)
    if (number === 1 && !(recovered.hasOnlyAdopted && segments.size === 0)) throw new LogNotEmpty()
    await journal.addSegment(records, { attempts, adoption: { writer, number } })
    adopted.set(writer, number)
    return keptNow()
  }

  async function putSnapshot(snapshot: CapturedSnapshot): Promise<number> {
    newestSnapshot++
    return await writeSnapshot(start, newestSnapshot, {
      mark: readMark(snapshot.position),
      blocks: snapshot.blocks,
      bytes: () => whileHeld(snapshot.bytes()),
    })
  }

  /** Fails at the end where the lock was lost meanwhile: the file must not take the place of one that another owner wrote. */
  async function* whileHeld(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* bytes
    hold.assertHeld()
  }

  async function snapshots(): Promise<StoredSnapshot[]> {
    const found: StoredSnapshot[] = []
    for (const sequence of (await listSnapshots(start)).reverse()) {
      const mark = await peekMark(start, sequence)
      if (mark === undefined || mark.segment < resetAt) continue
      found.push({
        position: printMark(mark),
        blocks: () => snapshotBlocks(start, sequence),
        setAside: reason => moveSnapshotAside(start, sequence, reason),
      })
    }
    return found
  }

  async function rotate(folded: string): Promise<string> {
    // A group that was appended for another writer is not folded yet: a snapshot at the end would skip it.
    if (folded !== end) return folded
    const { segment, offset } = journal.end
    if (await expiry.isToBeClosed(segment, offset, clock())) await journal.begin()
    end = markNow()
    return end
  }

  async function recover(): Promise<void> {
    try {
      await ownership.renew()
      await journal.begin()
    } catch (error) {
      throw refused(error)
    }
  }

  async function close(): Promise<void> {
    ownership.stop()
    await scrub.close()
    await journal.close()
    await hold.release()
  }

  return {
    info: { ...info, writer: owner, start: printMark(FIRST_MARK), resendBytes: 0 },
    frame: createFrames(),
    append,
    read: (after, until) =>
      readGroups(
        { ...start, journal, end: readMark(end), report },
        readMark(after),
        until === undefined ? undefined : readMark(until),
      ),
    reach: () => reachOf({ ...start, segments: segments.keys(), resetAt, isNew: recovered.hasOnlyAdopted }),
    page: query =>
      ownership.whileHeld(() =>
        listAttempts({ ...chain(), onDamage: scrub.examine }, withinRetention(query, retention, clock())),
      ),
    find: attemptId => ownership.whileHeld(() => findAttempt(chain(), attemptId)),
    // Nobody else appends: what repeats a known id never comes into the journal.
    leaveOut() {},
    snapshots,
    putSnapshot,
    spool: () => fileSystem.scratch(scratchPath(directory, 'snapshot')),
    rotate,
    expire: () => tidy(resetAt, newestSnapshot),
    recover,
    watch(given) {
      watcher = given
    },
    health() {
      ownership.check()
      const loss = hold.loss()
      const { detail } = options.damage.known
      return {
        ...(loss === undefined ? { writable: true } : { writable: false, reason: loss.message }),
        // What is damaged cannot be listed, and new attempts are kept all the same.
        ...(detail !== undefined && { advisories: [{ name: 'damage', detail }] }),
      }
    },
    async mergeForks(isKnown) {
      const forks = await readForks(start, recovered.forks, record => !isKnown(record))
      for (const { sequence, corrupt } of forks) if (corrupt > 0) await report.damaged(sequence, corrupt)
      await mergeForks({ directory, journal, log: start.log }, forks)
      if (forks.length > 0) keptNow()
      return forks.reduce((sum, { records }) => sum + records.length, 0)
    },
    verify: scrub.pass,
    close,
  }
}

function refused(error: unknown): LogRefused {
  return new LogRefused(error, { isFinal: error instanceof LockLost && error.isFinal })
}

/** Of calls in the same millisecond all have the same frame. */
function createFrames(): Log['frame'] {
  let made = { nowMs: Number.NaN, idMs: Number.NaN, frame: frameOf(0, 0) }
  return ({ nowMs, idMs }) => {
    if (made.nowMs !== nowMs || made.idMs !== idMs) made = { nowMs, idMs, frame: frameOf(nowMs, idMs) }
    return made.frame
  }
}

function frameOf(nowMs: number, idMs: number): ReturnType<Log['frame']> {
  const head = lineHead(nowMs, idMs)
  return { before: head.bytes, after: 1, seal: (bytes, start, end) => sealLine(bytes, start, end, head) }
}
