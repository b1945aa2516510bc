/** Watches whether an open store is still this process's own, and keeps its files from looking old while it is. */
import { StoreUnavailable } from '../../../core/ports.ts'
import type { Journal } from '../journal/journal.ts'
import { listSegments, readOpening, segmentPath } from '../journal/segments.ts'
import type { StartOptions } from '../recovery/start.ts'
import { listSnapshots, snapshotPath } from '../snapshot/snapshot-files.ts'
import { type Hold, touchAll } from './directory.ts'

/** What happens by itself, in milliseconds between two times. Infinity: never. */
export interface OwnershipTimes {
  /** The lock is checked while nothing is recorded. */
  readonly watchMs: number
  /** The files are made as new as now, first at the start. */
  readonly tendMs: number
}

export const OWNERSHIP_TIMES: OwnershipTimes = { watchMs: 1000, tendMs: 3_600_000 }

export interface OwnershipOptions extends StartOptions {
  readonly hold: Hold
  readonly journal: Journal
  /** The journal's sizes of segments, which are kept up to date. */
  readonly segments: Map<number, number>
  /** The newest snapshot that was found or written here, or is being written. */
  readonly newestSnapshot: () => number
  readonly onLoss: (error: Error) => void
  readonly times: OwnershipTimes
}

export interface Ownership {
  /** Reports where the lock was lost. Synchronous and cheap. */
  check(): void
  /**
   * What `read` resolves with, unless the lock was lost before or meanwhile: the files may be gone then, or another owner's, and a short list would
   * pass for all there is. Rejects with {@link StoreUnavailable} then.
   */
  whileHeld<T>(read: () => Promise<T>): Promise<T>
  /** Takes a lost lock again. Rejects with `LockLost` while it cannot. */
  renew(): Promise<void>
  stop(): void
}

export function createOwnership(options: OwnershipOptions): Ownership {
  const { directory, owner, log, hold, journal, segments, newestSnapshot, onLoss, times } = options
  const found = new Set(segments.keys())
  const watch = every(times.watchMs, check)
  const tend = every(times.tendMs, () => void makeNew())
  if (tend !== undefined) void makeNew()

  async function makeNew(): Promise<void> {
    if (hold.loss() === undefined) await touchAll(options)
  }

  function check(): void {
    const loss = hold.loss()
    if (loss !== undefined) onLoss(loss)
  }

  function refuseLost(): void {
    const loss = hold.loss()
    if (loss !== undefined) throw new StoreUnavailable(`the journal cannot be read: ${loss.message}`, { cause: loss })
  }

  /** A segment or snapshot in the directory that another owner wrote since the lock was taken. */
  async function foreignFile(): Promise<string | undefined> {
    for (const sequence of (await listSegments(options)).keys()) {
      if (found.has(sequence)) continue
      const opened = await readOpening(options, sequence)
      const isOwn = opened === undefined ? journal.created.has(sequence) : opened.opening.owner === owner
      if (!isOwn) return segmentPath(directory, sequence)
    }
    const snapshot = (await listSnapshots(options)).find(sequence => sequence > newestSnapshot())
    return snapshot === undefined ? undefined : snapshotPath(directory, snapshot)
  }

  async function dropMissingSegments(): Promise<void> {
    const there = await listSegments(options)
    for (const sequence of [...segments.keys()].filter(one => !there.has(one))) {
      const path = segmentPath(directory, sequence)
      log.error('a segment of the journal is gone: what it held stays counted', { path })
      segments.delete(sequence)
    }
  }

  return {
    check,
    async whileHeld(read) {
      refuseLost()
      const result = await read()
      refuseLost()
      return result
    },
    async renew() {
      if (!(await hold.renew(foreignFile))) return
      await dropMissingSegments()
      await journal.keepOldest()
    },
    stop() {
      clearInterval(watch)
      clearInterval(tend)
    },
  }
}

function every(ms: number, work: () => void): NodeJS.Timeout | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : setInterval(work, ms).unref()
}
