/**
 * The end of the journal: appends bytes to the current segment and makes them durable, one append at a time. A segment of an earlier process,
 * or one in which a write failed, is never appended to again. The next segment replaces it and records where the journal ended.
 * The file is long because it contains everything that moves the end of the journal.
 */
import type { Limits } from '../../../core/fold.ts'
import type { Clock } from '../../../core/ports.ts'
import { type Counters, observeSync } from '../counters.ts'
import { errorCode } from '../errors.ts'
import type { AppendFile } from '../file-system.ts'
import type { DirectoryLock } from '../lock/directory-lock.ts'
import { createOldestFile, type Oldest, type OldestFile } from './oldest.ts'
import type { Position } from './position.ts'
import { type AdoptedGroup, JOURNAL_FORMAT, type MergedPart, openingLine } from './record.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

/** A segment is only longer if a single group is. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024

export interface JournalOptions extends JournalFiles {
  readonly clock: Clock
  readonly counters: Counters
  /** Where the journal ends, and how many attempts it has before that. */
  readonly end: Position
  readonly records: number
  readonly oldest: Oldest
  /** Sizes of the segments by sequence number, oldest first. The journal updates this map. */
  readonly segments: Map<number, number>
  /** The limits that apply to the appended records. */
  readonly limits: Limits
  /** Written to every segment. */
  readonly owner: string
  readonly lock: Pick<DirectoryLock, 'loss' | 'assertHeld'>
}

/** The extent of a journal. */
export interface JournalState {
  /** The position after the last durable byte. */
  readonly end: Position
  /** Attempts before {@link end}, since the beginning of the journal or the last reset. Changes together with `end`. */
  readonly records: number
  /** The oldest segment that retention did not remove. */
  readonly oldest: Oldest
  readonly segments: ReadonlyMap<number, number>
}

export interface Journal extends JournalState {
  /** Segments that this process created, including those in which a write failed. */
  readonly created: ReadonlySet<number>
  /** Bytes appended since the journal was opened. */
  readonly written: number
  /**
   * Appends complete lines that contain `attempts` attempts. They are durable when this resolves. If it rejects, they are not part of the
   * journal, although they may come back if the process crashes before the next append. Rejects with `LockLost` if the lock was lost: another
   * owner may have read the journal before the lines were durable. If the lock is still held after the write, no other owner has read it.
   */
  append(lines: Uint8Array, attempts?: number): Promise<void>
  /** Starts a new segment with these lines. If they are a `reset`, attempts are counted from 0 again. Rejects as {@link append}. */
  begin(lines?: Uint8Array, contents?: SegmentContents): Promise<void>
  /** Stores lines as a new segment: whole, or not at all. */
  addSegment(lines: Uint8Array, contents: WholeSegment): Promise<void>
  /**
   * Removes a segment, which must be the oldest one. The new oldest segment is durably recorded first, so that the removed one is not reported
   * as missing.
   */
  remove(sequence: number): Promise<void>
  /** Records the oldest segment again, after the directory was created again. */
  storeOldest(): Promise<void>
  close(): Promise<void>
}

/** The content of the first lines of a segment. */
export interface SegmentContents {
  readonly attempts?: number
  readonly reset?: boolean
}

/** The content of a segment that is stored as a whole. */
export interface WholeSegment {
  readonly attempts: number
  readonly merged?: readonly MergedPart[] | undefined
  readonly adoption?: AdoptedGroup | undefined
}

interface OpenJournal {
  readonly options: JournalOptions
  readonly created: Set<number>
  readonly oldestFile: OldestFile
  end: Position
  records: number
  written: number
  /** The highest sequence number in use. */
  last: number
  current: AppendFile | undefined
}

export function createJournal(options: JournalOptions): Journal {
  const { segments, end, records } = options
  const journal: OpenJournal = {
    options,
    created: new Set(),
    oldestFile: createOldestFile(options, options.oldest),
    end,
    records,
    written: 0,
    last: Math.max(end.segment, ...segments.keys()),
    current: undefined,
  }
  return {
    get end() {
      return journal.end
    },
    get records() {
      return journal.records
    },
    get oldest() {
      return journal.oldestFile.oldest
    },
    segments,
    created: journal.created,
    get written() {
      return journal.written
    },
    append: (lines, attempts = 0) => append(journal, lines, attempts),
    begin: (lines = Buffer.alloc(0), contents = {}) => begin(journal, lines, contents),
    addSegment: (lines, contents) => addSegment(journal, lines, contents),
    remove: sequence => remove(journal, sequence),
    storeOldest: () => journal.oldestFile.store(),
    close: () => close(journal),
  }
}

async function append(journal: OpenJournal, lines: Uint8Array, attempts: number): Promise<void> {
  const { current, end } = journal
  const { lock, counters, segments } = journal.options
  if (current === undefined || end.offset + lines.length > MAX_SEGMENT_BYTES) return begin(journal, lines, { attempts })
  try {
    await write(journal, current, lines)
    lock.assertHeld()
  } catch (error) {
    counters.writeErrors++
    await abandonSegment(journal)
    throw lock.loss() ?? error
  }
  journal.end = { segment: end.segment, offset: end.offset + lines.length }
  journal.records += attempts
  segments.set(end.segment, journal.end.offset)
  journal.written += lines.length
}

async function write({ options }: OpenJournal, file: AppendFile, lines: Uint8Array): Promise<void> {
  const startMs = performance.now()
  await file.append(lines)
  observeSync(options.counters, (performance.now() - startMs) / 1000)
}

/**
 * Closes the current segment permanently, and truncates the bytes that the failed write may have added. If the lock was lost, the file
 * stays as it is: another owner may have read and counted all of it.
 */
async function abandonSegment(journal: OpenJournal): Promise<void> {
  const { fileSystem, directory, lock } = journal.options
  const { current, end } = journal
  journal.current = undefined
  const isHeld = lock.loss() === undefined
  await current?.close(isHeld).catch(() => {})
  if (!isHeld) return
  await fileSystem.truncate(segmentPath(directory, end.segment), end.offset).catch(() => {})
}

async function begin(
  journal: OpenJournal,
  lines: Uint8Array,
  { attempts = 0, reset = false }: SegmentContents,
): Promise<void> {
  const { clock, owner, limits, lock, segments } = journal.options
  lock.assertHeld()
  const sequence = ++journal.last
  const records = reset ? 0 : journal.records
  const opening = { format: JOURNAL_FORMAT, previous: journal.end, owner, records, limits }
  const content = Buffer.concat([openingLine(clock(), opening), lines])
  const file = await createSegment(journal, sequence, content)
  await journal.current?.close().catch(() => {})
  journal.current = file
  journal.end = { segment: sequence, offset: content.length }
  journal.records = records + attempts
  segments.set(sequence, content.length)
  journal.written += content.length
}

/** Creates a segment durably. If that fails, removes the file unless the lock was lost. */
async function createSegment(journal: OpenJournal, sequence: number, content: Buffer): Promise<AppendFile> {
  const { fileSystem, directory, counters, lock } = journal.options
  const path = segmentPath(directory, sequence)
  let file: AppendFile | undefined
  try {
    file = await fileSystem.create(path, MAX_SEGMENT_BYTES)
    journal.created.add(sequence)
    await write(journal, file, content)
    await fileSystem.syncDirectory(directory)
    lock.assertHeld()
    return file
  } catch (error) {
    counters.writeErrors++
    const isHeld = lock.loss() === undefined
    await file?.close(isHeld).catch(() => {})
    if (file !== undefined && isHeld) await fileSystem.remove(path).catch(() => {})
    throw lock.loss() ?? error
  }
}

async function addSegment(
  journal: OpenJournal,
  lines: Uint8Array,
  { attempts, merged, adoption }: WholeSegment,
): Promise<void> {
  const { fileSystem, directory, clock, owner, limits, lock, segments } = journal.options
  lock.assertHeld()
  const sequence = ++journal.last
  const { end: previous, records } = journal
  const head = openingLine(clock(), { format: JOURNAL_FORMAT, previous, adoption, owner, merged, records, limits })
  journal.created.add(sequence)
  await fileSystem.writeAtomically(segmentPath(directory, sequence), [head, lines])
  lock.assertHeld()
  await journal.current?.close().catch(() => {})
  journal.current = undefined
  journal.end = { segment: sequence, offset: head.length + lines.length }
  journal.records = records + attempts
  segments.set(sequence, journal.end.offset)
  journal.written += journal.end.offset
}

async function remove(journal: OpenJournal, sequence: number): Promise<void> {
  const { fileSystem, directory, lock, segments } = journal.options
  lock.assertHeld()
  await raiseOldest(journal, sequence)
  await fileSystem.remove(segmentPath(directory, sequence)).catch(error => {
    if (errorCode(error) !== 'ENOENT') throw error
  })
  segments.delete(sequence)
}

async function raiseOldest({ options, oldestFile }: OpenJournal, removed: number): Promise<void> {
  const newer = [...options.segments.keys()].filter(sequence => sequence > removed)
  const next = Math.min(...newer)
  if (newer.length === 0 || next <= oldestFile.oldest.segment) return
  const opened = await readOpening(options, next).catch(() => undefined)
  await oldestFile.store({ segment: next, records: opened?.opening.records })
}

async function close(journal: OpenJournal): Promise<void> {
  // Everything acknowledged is durable: an error means nothing here.
  await journal.current?.close(journal.options.lock.loss() === undefined).catch(() => {})
  journal.current = undefined
}
