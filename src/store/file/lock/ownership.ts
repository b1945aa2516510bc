/** Checks regularly that this process still owns the open store, and touches its files so that no cleaner of old files removes them. */
import { StoreUnavailable } from '../../../core/ports.ts'
import type { Journal } from '../journal/journal.ts'
import { listSegments, readOpening, segmentPath } from '../journal/segments.ts'
import type { StartOptions } from '../recovery/start.ts'
import { listSnapshots, snapshotPath } from '../snapshot/snapshot-files.ts'
import { touchAll } from './directory.ts'
import type { DirectoryLock } from './directory-lock.ts'

/** Intervals in milliseconds. Infinity: never. */
export interface OwnershipTimes {
  /** Between two checks of the lock. */
  readonly watchMs: number
  /** Between two updates of the times of all files. The first update is at the start. */
  readonly touchMs: number
}

export const OWNERSHIP_TIMES: OwnershipTimes = { watchMs: 1000, touchMs: 3_600_000 }

export interface OwnershipOptions extends StartOptions {
  readonly lock: DirectoryLock
  readonly journal: Journal
  /** The journal's own map of segment sizes. */
  readonly segments: Map<number, number>
  /** The newest snapshot that was found at the start, or that this process wrote or is writing. */
  readonly newestSnapshot: () => number
  readonly onLoss: (error: Error) => void
  readonly times: OwnershipTimes
}

export interface Ownership {
  /** Calls `onLoss` if the lock was lost. Synchronous and cheap. */
  check(): void
  /**
   * Resolves with the result of `read`. Rejects with {@link StoreUnavailable} if the lock was lost before or during it. Files may be
   * missing then, and an incomplete list would look complete.
   */
  whileHeld<T>(read: () => Promise<T>): Promise<T>
  /** Acquires a lost lock again. Rejects with `LockLost` if that fails. */
  renew(): Promise<void>
  stop(): void
}

export function createOwnership(options: OwnershipOptions): Ownership {
  const { lock, journal, segments, onLoss, times } = options
  const foundAtStart = new Set(segments.keys())
  const watch = every(times.watchMs, check)
  const touching = every(times.touchMs, () => void touch())
  if (touching !== undefined) void touch()

  async function touch(): Promise<void> {
    if (lock.loss() === undefined) await touchAll(options)
  }

  function check(): void {
    const loss = lock.loss()
    if (loss !== undefined) onLoss(loss)
  }

  function refuseLost(): void {
    const loss = lock.loss()
    if (loss !== undefined) throw new StoreUnavailable(`the journal cannot be read: ${loss.message}`, { cause: loss })
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
      if (!(await lock.renew(() => foreignFile(options, foundAtStart)))) return
      await dropMissingSegments(options)
      await journal.storeOldest()
    },
    stop() {
      clearInterval(watch)
      clearInterval(touching)
    },
  }
}

/** A segment or snapshot that another owner wrote since this process acquired the lock. */
async function foreignFile(options: OwnershipOptions, foundAtStart: ReadonlySet<number>): Promise<string | undefined> {
  const { directory, owner, journal, newestSnapshot } = options
  for (const sequence of (await listSegments(options)).keys()) {
    if (foundAtStart.has(sequence)) continue
    const opened = await readOpening(options, sequence)
    const isOwn = opened === undefined ? journal.created.has(sequence) : opened.opening.owner === owner
    if (!isOwn) return segmentPath(directory, sequence)
  }
  const snapshot = (await listSnapshots(options)).find(sequence => sequence > newestSnapshot())
  return snapshot === undefined ? undefined : snapshotPath(directory, snapshot)
}

async function dropMissingSegments(options: OwnershipOptions): Promise<void> {
  const { directory, segments, log } = options
  const existing = await listSegments(options)
  for (const sequence of [...segments.keys()].filter(one => !existing.has(one))) {
    const path = segmentPath(directory, sequence)
    log.error('a segment of the journal is missing: its attempts stay counted', { path })
    segments.delete(sequence)
  }
}

function every(ms: number, work: () => void): NodeJS.Timeout | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : setInterval(work, ms).unref()
}
