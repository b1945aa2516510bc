/**
 * The journal's end: appends bytes to the open segment and makes them durable. One append at a time. No segment of an earlier
 * opening, and none a write to which failed, is ever appended to: a new one takes its place and says where the journal ended.
 */
import type { Limits } from '../../../core/fold.ts'
import type { Clock } from '../../../core/ports.ts'
import { type Counters, observeSync } from '../counters.ts'
import { errorCode } from '../errors.ts'
import type { AppendFile } from '../file-system.ts'
import type { Hold } from '../lock/directory.ts'
import { type Oldest, writeOldest } from './oldest.ts'
import type { Position } from './position.ts'
import { type AdoptedGroup, JOURNAL_FORMAT, type MergedPart, openingLine } from './record.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

/** A segment may only be longer when a single group is. */
const SEGMENT_BYTES = 16 * 1024 * 1024

export interface JournalOptions extends JournalFiles {
  readonly clock: Clock
  readonly counters: Counters
  /** Where the journal ends, and how many attempts it held before that. */
  readonly end: Position
  readonly records: number
  readonly oldest: Oldest
  /** Sizes of the segments by sequence number, oldest first; kept up to date. */
  readonly segments: Map<number, number>
  /** Those with which what is appended is counted. */
  readonly limits: Limits
  /** Named in every segment. */
  readonly owner: string
  readonly hold: Pick<Hold, 'loss' | 'assertHeld'>
}

/** Where a journal ends, and what there is of it. */
export interface JournalState {
  /** Behind the last byte that is durable. */
  readonly end: Position
  /** Attempts that were kept before {@link end}, since the journal's beginning or the last reset: it changes with `end`. */
  readonly records: number
  /** The oldest segment that retention left. */
  readonly oldest: Oldest
  readonly segments: ReadonlyMap<number, number>
}

export interface Journal extends JournalState {
  /** Segments that were created here, also those that a write to failed. */
  readonly created: ReadonlySet<number>
  /** Bytes that were kept since the journal was opened. */
  readonly written: number
  /**
   * Keeps whole lines, which hold so many attempts: they are durable when it resolves. When it rejects they are not part of the journal,
   * though a crash before the next append may bring them back. It rejects with `LockLost` where the lock was lost: another owner that read
   * the journal before the lines were durable does not have them. Where the lock is held after the write, none did: it must lock before it
   * reads.
   */
  append(lines: Uint8Array, attempts?: number): Promise<void>
  /**
   * Keeps lines at the beginning of a new segment; without lines it makes sure that there is one to append to. Where the lines are a
   * `reset`, attempts are counted from 0 again.
   */
  begin(lines?: Uint8Array, holding?: { readonly attempts?: number; readonly reset?: boolean }): Promise<void>
  /** Stores lines as a new segment: whole, or not at all. */
  addSegment(lines: Uint8Array, holding: WholeSegment): Promise<void>
  /** Removes whole segments from the oldest on. Which one is the oldest then is durable before: its absence is no damage. */
  remove(sequence: number): Promise<void>
  /** Writes down again which segment is the oldest, where the directory was made again. */
  keepOldest(): Promise<void>
  close(): Promise<void>
}

/** What a segment that is stored whole contains. */
export interface WholeSegment {
  readonly attempts: number
  readonly merged?: readonly MergedPart[] | undefined
  readonly adoption?: AdoptedGroup | undefined
}

export function createJournal(options: JournalOptions): Journal {
  const { fileSystem, directory, clock, counters, segments, limits, owner, hold } = options
  const created = new Set<number>()
  let { end, records, oldest } = options
  let last = Math.max(end.segment, ...segments.keys())
  let current: AppendFile | undefined
  let written = 0
  let keeping: Promise<void> = Promise.resolve()

  async function write(file: AppendFile, lines: Uint8Array): Promise<void> {
    const startMs = performance.now()
    await file.append(lines)
    observeSync(counters, (performance.now() - startMs) / 1000)
  }

  async function append(lines: Uint8Array, attempts = 0): Promise<void> {
    if (current === undefined || end.offset + lines.length > SEGMENT_BYTES) return begin(lines, { attempts })
    try {
      await write(current, lines)
      hold.assertHeld()
    } catch (error) {
      counters.writeErrors++
      await abandon()
      throw hold.loss() ?? error
    }
    end = { segment: end.segment, offset: end.offset + lines.length }
    records += attempts
    segments.set(end.segment, end.offset)
    written += lines.length
  }

  /**
   * The open segment is given up: it is never synced again, and what it should not hold is cut off where that is possible. Where the lock was
   * lost it is left as it is: another owner may have read and counted all of it.
   */
  async function abandon(): Promise<void> {
    const file = current
    current = undefined
    const isHeld = hold.loss() === undefined
    await file?.close(isHeld).catch(() => {})
    if (!isHeld) return
    await fileSystem.cut(segmentPath(directory, end.segment), end.offset).catch(() => {})
  }

  async function begin(
    lines: Uint8Array = Buffer.alloc(0),
    { attempts = 0, reset = false }: { readonly attempts?: number; readonly reset?: boolean } = {},
  ): Promise<void> {
    hold.assertHeld()
    const sequence = ++last
    const before = reset ? 0 : records
    const path = segmentPath(directory, sequence)
    const content = Buffer.concat([
      openingLine(clock(), { format: JOURNAL_FORMAT, previous: end, owner, records: before, limits }),
      lines,
    ])
    let file: AppendFile | undefined
    try {
      file = await fileSystem.create(path, SEGMENT_BYTES)
      created.add(sequence)
      await write(file, content)
      await fileSystem.syncDirectory(directory)
      hold.assertHeld()
    } catch (error) {
      counters.writeErrors++
      const isHeld = hold.loss() === undefined
      await file?.close(isHeld).catch(() => {})
      if (file !== undefined && isHeld) await fileSystem.remove(path).catch(() => {})
      throw hold.loss() ?? error
    }
    await current?.close().catch(() => {})
    current = file
    end = { segment: sequence, offset: content.length }
    records = before + attempts
    segments.set(sequence, content.length)
    written += content.length
  }

  async function addSegment(lines: Uint8Array, { attempts, merged, adoption }: WholeSegment): Promise<void> {
    hold.assertHeld()
    const sequence = ++last
    const opening = { format: JOURNAL_FORMAT, previous: end, owner, merged, adoption, records, limits }
    const head = openingLine(clock(), opening)
    created.add(sequence)
    await fileSystem.writeAtomically(segmentPath(directory, sequence), [head, lines])
    hold.assertHeld()
    await current?.close().catch(() => {})
    current = undefined
    end = { segment: sequence, offset: head.length + lines.length }
    records += attempts
    segments.set(sequence, end.offset)
    written += end.offset
  }

  async function raiseOldest(removed: number): Promise<void> {
    let next: number | undefined
    for (const sequence of segments.keys()) if (sequence > removed) next = Math.min(next ?? sequence, sequence)
    if (next === undefined || next <= oldest.segment) return
    const opened = await readOpening(options, next).catch(() => undefined)
    await keepOldest({ segment: next, records: opened?.opening.records })
  }

  /** One after the other: what is written last must be what is right. */
  function keepOldest(raised?: Oldest): Promise<void> {
    keeping = keeping
      .catch(() => {})
      .then(async () => {
        const next = raised ?? oldest
        await writeOldest(options, clock(), next)
        oldest = next
      })
    return keeping
  }

  return {
    get end() {
      return end
    },
    get records() {
      return records
    },
    get oldest() {
      return oldest
    },
    segments,
    created,
    get written() {
      return written
    },
    append,
    begin,
    addSegment,
    keepOldest: () => keepOldest(),
    async remove(sequence) {
      hold.assertHeld()
      await raiseOldest(sequence)
      await fileSystem.remove(segmentPath(directory, sequence)).catch(error => {
        if (errorCode(error) !== 'ENOENT') throw error
      })
      segments.delete(sequence)
    },
    async close() {
      // All of it is durable: an error here tells nothing.
      await current?.close(hold.loss() === undefined).catch(() => {})
      current = undefined
    },
  }
}
