/**
 * Which segment retention left as the oldest one: written durably before older ones are removed, so that a segment that is missing is told
 * from one that was removed.
 */
import { join } from 'node:path'
import { asideName } from '../lock/directory.ts'
import type { RecoveredJournal, StartOptions } from '../recovery/start.ts'
import { hasValidChecksum, recordLines } from './record.ts'
import { type JournalFiles, readOpening } from './segments.ts'

export interface Oldest {
  readonly segment: number
  /** Attempts that the journal held before it; undefined where the version that wrote it did not count them. */
  readonly records: number | undefined
}

/** That of a journal of which nothing was removed. */
export const FIRST: Oldest = { segment: 1, records: 0 }

/** Longer than the file may be. */
const MOST_BYTES = 1024
const LF = 0x0a

export function oldestPath(directory: string): string {
  return join(directory, 'oldest.record')
}

/** Writes a line as the journal has them: a checksum, the time, and JSON. */
export async function writeOldest(
  { fileSystem, directory }: JournalFiles,
  nowMs: number,
  { segment, records }: Oldest,
): Promise<void> {
  const line = recordLines(nowMs, [JSON.stringify({ oldest: { segment, ...(records !== undefined && { records }) } })])
  await fileSystem.writeAtomically(oldestPath(directory), [line])
}

/** What the file says; `missing` where there is none, and `damaged` where it cannot be believed. Changes nothing. */
export async function readOldest({ fileSystem, directory }: JournalFiles): Promise<Oldest | 'missing' | 'damaged'> {
  const path = oldestPath(directory)
  if ((await fileSystem.stat(path))?.kind !== 'file') return 'missing'
  const bytes = await fileSystem.read(path, 0, MOST_BYTES)
  const end = bytes.indexOf(LF)
  if (end !== bytes.length - 1 || !hasValidChecksum(bytes, 0, end)) return 'damaged'
  try {
    const { oldest } = JSON.parse(bytes.toString('utf8', bytes.indexOf('{'), end)) as { oldest?: Partial<Oldest> }
    if (!Number.isSafeInteger(oldest?.segment)) return 'damaged'
    return { segment: oldest!.segment!, records: oldest?.records }
  } catch {
    return 'damaged'
  }
}

/**
 * Settles at a start which segment is the oldest one, and writes it down where that is new. A journal of a version that did not write it
 * is believed to be whole. Where the file is gone or damaged it can no longer be told whether the oldest segments are missing: that is logged.
 */
export async function settleOldest(options: StartOptions, recovered: RecoveredJournal): Promise<Oldest> {
  const { directory, fileSystem, clock, log } = options
  const path = oldestPath(directory)
  const read = await readOldest(options)
  if (read === 'damaged') {
    const aside = asideName(path, 'corrupt', clock())
    log.error('the file that names the oldest segment is damaged: it was moved aside', { path, aside })
    await fileSystem.rename(path, aside)
  }
  const isNew = recovered.hasOnlyAdopted
  if (!isNew && typeof read !== 'string') return read
  const oldest = isNew ? FIRST : await oldestLeft(options, recovered)
  if (typeof read !== 'string' && read.segment === oldest.segment && read.records === oldest.records) return read
  if (!isNew && oldest !== FIRST && oldest.records !== undefined)
    log.error('nothing says which segment is the oldest one: whether older ones are missing cannot be told', { path })
  await writeOldest(options, clock(), oldest)
  return oldest
}

/** The oldest segment there is, where nothing says which one should be. */
export async function oldestLeft(
  files: JournalFiles,
  { segments, snapshots }: Pick<RecoveredJournal, 'segments' | 'snapshots'>,
): Promise<Oldest> {
  const [first] = segments.keys()
  if (first === undefined) return { segment: snapshots[0]?.mark.segment ?? 1, records: undefined }
  const opened = await readOpening(files, first).catch(() => undefined)
  return opened?.opening.previous.segment === 0 ? FIRST : { segment: first, records: opened?.opening.records }
}
