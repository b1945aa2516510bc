/**
 * The journal's end: appends bytes to the open segment and makes them durable. One append at a time. No segment of an earlier
 * opening, and none a write to which failed, is ever appended to: a new one takes its place and says where the journal ended.
 */
import type { Clock } from '../../core/ports.ts'
import { type Counters, observeSync } from './counters.ts'
import { errorCode } from './errors.ts'
import type { AppendFile } from './file-system.ts'
import type { Position } from './position.ts'
import { JOURNAL_FORMAT, openingLine } from './record.ts'
import { type JournalFiles, segmentPath } from './segments.ts'

/** A segment may only be longer when a single group is. */
const SEGMENT_BYTES = 16 * 1024 * 1024

export interface JournalOptions extends JournalFiles {
  readonly clock: Clock
  readonly counters: Counters
  /** Where the journal ends. */
  readonly end: Position
  /** Sizes of the segments by sequence number, oldest first; kept up to date. */
  readonly segments: Map<number, number>
}

export interface Journal {
  /** Behind the last byte that is durable. */
  readonly end: Position
  readonly segments: ReadonlyMap<number, number>
  /** Bytes that were kept since the journal was opened. */
  readonly written: number
  /**
   * Keeps whole lines: they are durable when it resolves. When it rejects they are not part of the journal, though a crash before the
   * next append may bring them back.
   */
  append(lines: Buffer): Promise<void>
  /** Keeps lines at the beginning of a new segment; without lines it makes sure that there is one to append to. */
  begin(lines?: Buffer): Promise<void>
  /** Removes whole segments from the oldest on. */
  remove(sequence: number): Promise<void>
  close(): Promise<void>
}

export function createJournal(options: JournalOptions): Journal {
  const { fileSystem, directory, clock, counters, segments } = options
  let end = options.end
  let last = Math.max(end.segment, ...segments.keys())
  let current: AppendFile | undefined
  let written = 0

  async function write(file: AppendFile, lines: Buffer): Promise<void> {
    const startMs = performance.now()
    await file.append(lines)
    observeSync(counters, (performance.now() - startMs) / 1000)
  }

  async function append(lines: Buffer): Promise<void> {
    if (current === undefined || end.offset + lines.length > SEGMENT_BYTES) return begin(lines)
    try {
      await write(current, lines)
    } catch (error) {
      counters.writeErrors++
      await abandon()
      throw error
    }
    end = { segment: end.segment, offset: end.offset + lines.length }
    segments.set(end.segment, end.offset)
    written += lines.length
  }

  /** The open segment is given up: it is never synced again, and what it should not hold is cut off where that is possible. */
  async function abandon(): Promise<void> {
    const file = current
    current = undefined
    await file?.close().catch(() => {})
    await fileSystem.cut(segmentPath(directory, end.segment), end.offset).catch(() => {})
  }

  async function begin(lines: Buffer = Buffer.alloc(0)): Promise<void> {
    const sequence = ++last
    const path = segmentPath(directory, sequence)
    const content = Buffer.concat([
      openingLine(clock(), { format: JOURNAL_FORMAT, previous: end, adopted: false }),
      lines,
    ])
    let file: AppendFile | undefined
    try {
      file = await fileSystem.create(path, SEGMENT_BYTES)
      await write(file, content)
      await fileSystem.syncDirectory(directory)
    } catch (error) {
      counters.writeErrors++
      await file?.close().catch(() => {})
      if (file !== undefined) await fileSystem.remove(path).catch(() => {})
      throw error
    }
    await current?.close().catch(() => {})
    current = file
    end = { segment: sequence, offset: content.length }
    segments.set(sequence, content.length)
    written += content.length
  }

  return {
    get end() {
      return end
    },
    segments,
    get written() {
      return written
    },
    append,
    begin,
    async remove(sequence) {
      await fileSystem.remove(segmentPath(directory, sequence)).catch(error => {
        if (errorCode(error) !== 'ENOENT') throw error
      })
      segments.delete(sequence)
    },
    async close() {
      // All of it is durable: an error here tells nothing.
      await current?.close().catch(() => {})
      current = undefined
    },
  }
}
