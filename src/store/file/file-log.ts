/** The file log: a journal in segments beside the document, snapshots among them, and a lock. One process has it at a time. */
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
import { LockLost } from './errors.ts'
import type { ChainOptions, Link } from './journal/extents.ts'
import { findAttempt } from './journal/find-attempt.ts'
import type { Journal } from './journal/journal.ts'
import { listAttempts } from './journal/listing.ts'
import { FIRST_MARK, printMark, readMark } from './journal/mark.ts'
import { reachOf, readGroups } from './journal/read-groups.ts'
import { lineHead, sealLine } from './journal/record.ts'
import { createExpiry, type Retention, withinRetention } from './journal/retention.ts'
import { createTidy } from './journal/tidy.ts'
import { type Hold, scratchPath } from './lock/directory.ts'
import { createOwnership, type OwnershipTimes } from './lock/ownership.ts'
import type { Damage } from './recovery/damage.ts'
import { createScrub, type ScrubTimes } from './recovery/scrub.ts'
import type { StartOptions } from './recovery/start.ts'
import { listSnapshots, peekMark, snapshotBlocks, writeSnapshot } from './snapshot/snapshot-files.ts'

export interface FileLogOptions {
  readonly start: StartOptions
  readonly journal: Journal
  /** The journal's sizes of segments, which are kept up to date. */
  readonly segments: Map<number, number>
  readonly hold: Hold
  readonly info: Omit<LogInfo, 'start' | 'writer' | 'resendBytes'>
  readonly retention: Retention
  /** The segment that begins with the last reset. */
  readonly resetAt: number
  readonly newestSnapshot: number
  readonly damage: Damage
  readonly times: OwnershipTimes
  readonly scrub: ScrubTimes
}

export interface FileLog extends Log {
  /** Where the journal ends. */
  readonly end: Position
  /** Reads and verifies all segments and snapshots now; resolves when that is done. */
  verify(): Promise<void>
}

/** It is long because every part of the port is connected here. */
export function createFileLog(options: FileLogOptions): FileLog {
  const { start, journal, segments, hold, info, retention } = options
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
  let { resetAt, newestSnapshot } = options
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

  async function append(group: Group): Promise<Kept> {
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
    const kept = { position: markNow(), after: end }
    end = kept.position
    last = { number: group.number, kept }
    return kept
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
      found.push({ position: printMark(mark), blocks: () => snapshotBlocks(start, sequence) })
    }
    return found
  }

  async function rotate(): Promise<string> {
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
      readGroups({ ...start, journal }, readMark(after), until === undefined ? undefined : readMark(until)),
    reach: () => reachOf(start, journal.segments.keys(), resetAt),
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
    get end() {
      return end
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
