/**
 * Which segment is the oldest one that retention did not remove. Recorded durably before older segments are removed, so that a missing segment
 * is distinguished from a removed one.
 */
import { join } from 'node:path'
import type { Clock } from '../../../core/ports.ts'
import { asideName } from '../lock/directory.ts'
import type { RecoveredJournal, StartOptions } from '../recovery/start.ts'
import { hasValidChecksum, recordLines } from './record.ts'
import { type JournalFiles, readOpening } from './segments.ts'

export interface Oldest {
  readonly segment: number
  /** Attempts in the journal before it. Undefined if the version that wrote the segment did not count them. */
  readonly records: number | undefined
}

/** The oldest segment of a journal from which nothing was removed. */
export const FIRST: Oldest = { segment: 1, records: 0 }

/** Longer than the file can be. */
const MAX_BYTES = 1024
const LF = 0x0a

export function oldestPath(directory: string): string {
  return join(directory, 'oldest.record')
}

/** The file that names the oldest segment, of an open journal. */
export interface OldestFile {
  readonly oldest: Oldest
  /** Writes a new oldest segment, or the same one again. Calls may overlap: they run one after the other. */
  store(next?: Oldest): Promise<void>
}

export function createOldestFile(files: JournalFiles & { readonly clock: Clock }, initial: Oldest): OldestFile {
  let oldest = initial
  let last: Promise<void> = Promise.resolve()
  return {
    get oldest() {
      return oldest
    },
    store(next) {
      last = last
        .catch(() => {})
        .then(async () => {
          const stored = next ?? oldest
          await writeOldest(files, files.clock(), stored)
          oldest = stored
        })
      return last
    },
  }
}

/** Writes one line in the format of the journal: a checksum, the time, and JSON. */
export async function writeOldest(
  { fileSystem, directory }: JournalFiles,
  nowMs: number,
  { segment, records }: Oldest,
): Promise<void> {
  const line = recordLines(nowMs, [JSON.stringify({ oldest: { segment, ...(records !== undefined && { records }) } })])
  await fileSystem.writeAtomically(oldestPath(directory), [line])
}

/** Reads the file. `missing` if there is none, `damaged` if its content is not valid. */
export async function readOldest({ fileSystem, directory }: JournalFiles): Promise<Oldest | 'missing' | 'damaged'> {
  const path = oldestPath(directory)
  if ((await fileSystem.stat(path))?.kind !== 'file') return 'missing'
  const bytes = await fileSystem.read(path, 0, MAX_BYTES)
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
 * Determines at the start which segment is the oldest one, and writes it if it changed. A journal without the file is assumed to be complete.
 * If the file is missing or damaged although it should exist, missing old segments cannot be detected: that is logged.
 */
export async function recoverOldest(options: StartOptions, recovered: RecoveredJournal): Promise<Oldest> {
  const { directory, clock, log } = options
  const path = oldestPath(directory)
  const read = await readOldest(options)
  if (read === 'damaged') await moveAside(options, path)
  const isNew = recovered.hasOnlyAdopted
  if (!isNew && typeof read !== 'string') return read
  const oldest = isNew ? FIRST : await oldestLeft(options, recovered)
  if (typeof read !== 'string' && read.segment === oldest.segment && read.records === oldest.records) return read
  if (!isNew && oldest !== FIRST && oldest.records !== undefined)
    log.error('no file names the oldest segment: missing older segments cannot be detected', { path })
  await writeOldest(options, clock(), oldest)
  return oldest
}

async function moveAside({ fileSystem, clock, log }: StartOptions, path: string): Promise<void> {
  const aside = asideName(path, 'corrupt', clock())
  log.error('the file that names the oldest segment is damaged: it was moved aside', { path, aside })
  await fileSystem.rename(path, aside)
}

/** The oldest segment that exists, for a store without the file. */
export async function oldestLeft(
  files: JournalFiles,
  { segments, snapshots }: Pick<RecoveredJournal, 'segments' | 'snapshots'>,
): Promise<Oldest> {
  const [first] = segments.keys()
  if (first === undefined) return { segment: snapshots[0]?.mark.segment ?? 1, records: undefined }
  const opened = await readOpening(files, first).catch(() => undefined)
  return opened?.opening.previous.segment === 0 ? FIRST : { segment: first, records: opened?.opening.records }
}
