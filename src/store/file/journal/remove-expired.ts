/** Removes old snapshots, and segments that exceed the retention and that no remaining snapshot needs. */
import type { Clock } from '../../../core/ports.ts'
import type { DirectoryLock } from '../lock/directory-lock.ts'
import { listSnapshots, peekMark, snapshotPath } from '../snapshot/snapshot-files.ts'
import type { Journal } from './journal.ts'
import { FIRST_MARK, type JournalMark } from './mark.ts'
import type { Expiry, Retention } from './retention.ts'
import type { JournalFiles } from './segments.ts'

/** Snapshots that stay: the older one is used if the newest is damaged. */
const KEPT_SNAPSHOTS = 2

export interface ExpiryOptions {
  readonly files: JournalFiles
  readonly journal: Journal
  readonly lock: Pick<DirectoryLock, 'assertHeld'>
  readonly retention: Retention
  readonly expiry: Expiry
  readonly clock: Clock
}

/** Resolves with true if one more snapshot would allow removing the oldest segment. */
export async function removeExpired(
  options: ExpiryOptions,
  { resetAt, newestSnapshot }: { readonly resetAt: number; readonly newestSnapshot: number },
): Promise<boolean> {
  const { files, journal, lock } = options
  lock.assertHeld()
  const needed = await removeSnapshots(files, resetAt, newestSnapshot)
  for (;;) {
    const [oldest, next] = journal.segments.keys()
    if (oldest === undefined || next === undefined || oldest >= needed) break
    if (oldest >= resetAt && !(await exceedsRetention(options, oldest))) break
    await journal.remove(oldest)
  }
  await files.fileSystem.syncDirectory(files.directory)
  return await isOldestRemovable(options)
}

/** Resolves with the oldest segment that a remaining snapshot needs. */
async function removeSnapshots(files: JournalFiles, resetAt: number, newest: number): Promise<number> {
  const kept: JournalMark[] = []
  for (const one of (await listSnapshots(files)).reverse()) {
    const mark = (await peekMark(files, one)) ?? FIRST_MARK
    if (one <= newest && kept.length < KEPT_SNAPSHOTS && mark.segment >= resetAt) kept.push(mark)
    else await files.fileSystem.remove(snapshotPath(files.directory, one))
  }
  return kept.length === 0 ? resetAt : Math.min(...kept.map(({ segment }) => segment))
}

/** Whether the journal is too large, or its oldest segment has expired. */
async function exceedsRetention(options: ExpiryOptions, oldest: number): Promise<boolean> {
  let bytes = 0
  for (const size of options.journal.segments.values()) bytes += size
  return bytes > options.retention.maxBytes || (await isExpired(options, oldest))
}

function isExpired({ expiry, journal, clock, retention }: ExpiryOptions, segment: number): Promise<boolean> {
  return expiry.isExpired(segment, journal.segments.get(segment) ?? 0, clock() - retention.maxAgeMs)
}

/** May be true repeatedly: a segment is only removed when two snapshots cover it. */
async function isOldestRemovable(options: ExpiryOptions): Promise<boolean> {
  const { journal, expiry, clock } = options
  const [oldest, next] = journal.segments.keys()
  if (oldest === undefined) return false
  const { segment, offset } = journal.end
  const isClosed = next !== undefined || (await expiry.isToBeClosed(segment, offset, clock()))
  return isClosed && (await isExpired(options, oldest))
}
