/** Removes snapshots that newer ones replace, and segments that are too old or too many and that no snapshot needs. */
import type { Clock } from '../../../core/ports.ts'
import type { DirectoryLock } from '../lock/directory-lock.ts'
import { listSnapshots, peekMark, snapshotPath } from '../snapshot/snapshot-files.ts'
import type { Journal } from './journal.ts'
import { FIRST_MARK, type JournalMark } from './mark.ts'
import type { Expiry, Retention } from './retention.ts'
import type { JournalFiles } from './segments.ts'

/** Snapshots that stay: an older one is there where the newest is damaged. */
const KEPT = 2

export interface TidyOptions {
  readonly files: JournalFiles
  readonly journal: Journal
  readonly lock: Pick<DirectoryLock, 'assertHeld'>
  readonly retention: Retention
  readonly expiry: Expiry
  readonly clock: Clock
}

/** Answers whether the oldest segment could leave behind another snapshot. */
export type Tidy = (resetAt: number, newestSnapshot: number) => Promise<boolean>

export function createTidy({ files, journal, lock, retention, expiry, clock }: TidyOptions): Tidy {
  const { fileSystem, directory } = files

  /** The segment from which on all are needed. */
  async function removeSnapshots(resetAt: number, newest: number): Promise<number> {
    const kept: JournalMark[] = []
    for (const one of (await listSnapshots(files)).reverse()) {
      const mark = (await peekMark(files, one)) ?? FIRST_MARK
      if (one <= newest && kept.length < KEPT && mark.segment >= resetAt) kept.push(mark)
      else await fileSystem.remove(snapshotPath(directory, one))
    }
    return kept.length === 0 ? resetAt : Math.min(...kept.map(({ segment }) => segment))
  }

  /** Whether there is too much, or all in the oldest segment is too old. */
  async function isOverdue(oldest: number): Promise<boolean> {
    let bytes = 0
    for (const size of journal.segments.values()) bytes += size
    return bytes > retention.maxBytes || (await isExpired(oldest))
  }

  function isExpired(segment: number): Promise<boolean> {
    return expiry.isExpired(segment, journal.segments.get(segment) ?? 0, clock() - retention.maxAgeMs)
  }

  /** Two snapshots must stand behind a segment before it leaves, so this may be true again and again. */
  async function couldLeave(): Promise<boolean> {
    const [oldest, next] = journal.segments.keys()
    if (oldest === undefined) return false
    const { segment, offset } = journal.end
    const isClosed = next !== undefined || (await expiry.isToBeClosed(segment, offset, clock()))
    return isClosed && (await isExpired(oldest))
  }

  return async (resetAt, newest) => {
    lock.assertHeld()
    const needed = await removeSnapshots(resetAt, newest)
    for (;;) {
      const [oldest, next] = journal.segments.keys()
      if (oldest === undefined || next === undefined || oldest >= needed) break
      if (oldest >= resetAt && !(await isOverdue(oldest))) break
      await journal.remove(oldest)
    }
    await fileSystem.syncDirectory(directory)
    return await couldLeave()
  }
}
