/** Repairs the files after {@link recoverJournal}: damage is moved or copied aside and reported, never overwritten. */

import { messageOf } from '../../messages.ts'
import type { FileSystem } from '../file-system.ts'
import type { Position } from '../journal/position.ts'
import { type JournalFiles, segmentPath } from '../journal/segments.ts'
import { asideName } from '../lock/directory.ts'
import { snapshotPath } from '../snapshot/snapshot-files.ts'
import type { RecoveredJournal, StartOptions, TornEnd } from './start.ts'

const COPY_BYTES = 1024 * 1024

/** Moves damaged snapshots aside, truncates torn ends, and makes the end of the journal durable. */
export async function repairJournal(options: StartOptions, recovered: RecoveredJournal): Promise<void> {
  const { damagedSnapshots, torn, segments, end } = recovered
  for (const { sequence, reason } of damagedSnapshots) await moveSnapshotAside(options, sequence, reason)
  for (const one of torn) await cutTorn(options, one, segments)
  await makeDurable(options, end)
}

type AsideOptions = Pick<StartOptions, 'fileSystem' | 'directory' | 'clock' | 'log'>

export async function moveSnapshotAside(
  { fileSystem, directory, clock, log }: AsideOptions,
  sequence: number,
  reason: string,
): Promise<void> {
  const path = snapshotPath(directory, sequence)
  log.error('a snapshot is damaged: it was moved aside', { path, reason })
  await fileSystem.rename(path, asideName(path, 'corrupt', clock()))
  await fileSystem.syncDirectory(directory)
}

/**
 * Copies a damaged file of the journal's directory aside. Does nothing if an earlier start copied it, or if there are `maxCopies` copies.
 * Failures are only logged, because a full disk must not prevent the store from starting.
 */
export async function copyAside(
  { fileSystem, directory, clock, log }: AsideOptions,
  path: string,
  maxCopies: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const name = path.slice(directory.length + 1)
  try {
    const copies = (await fileSystem.list(directory)).filter(other => other.includes('.corrupt-'))
    if (copies.some(other => other.startsWith(`${name}.corrupt-`))) return
    if (copies.length >= maxCopies)
      return log.warn('a damaged file is not copied aside: there are enough copies', { path })
    await fileSystem.writeAtomically(asideName(path, 'corrupt', clock()), contentOf(fileSystem, path))
  } catch (error) {
    log.error('the damaged file cannot be copied aside', { path, error: messageOf(error) })
  }
}

async function* contentOf(fileSystem: FileSystem, path: string): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const part = await fileSystem.read(path, at, COPY_BYTES)
    if (part.length === 0) return
    yield part
    at += part.length
  }
}

/** Truncates a torn end: the last group was not acknowledged when the process ended. Also removes preallocated space after it. */
async function cutTorn(
  { fileSystem, directory, log }: StartOptions,
  { segment, offset, bytes }: TornEnd,
  segments: Map<number, number>,
): Promise<void> {
  const path = segmentPath(directory, segment)
  if (bytes > 0)
    log.warn('the journal ends within a record: it was truncated after the last complete one', { path, offset, bytes })
  if (offset > 0) {
    await fileSystem.truncate(path, offset)
    segments.set(segment, offset)
  } else {
    await fileSystem.remove(path)
    segments.delete(segment)
  }
}

/** Records that were read may not be durable yet, but are counted from now on. */
async function makeDurable({ fileSystem, directory }: JournalFiles, end: Position): Promise<void> {
  const path = segmentPath(directory, end.segment)
  if ((await fileSystem.stat(path)) !== undefined) await fileSystem.sync(path)
  await fileSystem.syncDirectory(directory)
}
