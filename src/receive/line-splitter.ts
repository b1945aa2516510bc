/** Splits chunks into lines, with limits on the bytes of a line and of consecutive blank lines. */
import type { Problem } from '../server/problem.ts'
import { ChunkList } from './chunk-list.ts'
import { markLength } from './json.ts'

/** Lines that end in one chunk, without blank ones. Line `i` is `bytes` from `starts[i]` to `ends[i]`. */
export interface Lines {
  readonly bytes: Buffer
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** The number of each line in the stream, from 1. */
  readonly numbers: readonly number[]
}

/** The longest line, in bytes. */
const MAX_LINE_BYTES = 1 << 20
/** Bytes of consecutive blank lines: two megabytes of gzip inflate to two gigabytes of them. */
const MAX_BLANK_BYTES = 64 << 20

/** A class: one is created per request, and an object literal with getters takes longer to create. */
export class LineSplitter {
  readonly #incomplete = new ChunkList()
  #number = 0
  #blankBytes = 0
  #problem: Problem | undefined

  /** Bytes of the incomplete last line. */
  get incompleteBytes(): number {
    return this.#incomplete.length
  }

  /** How many lines have ended. */
  get number(): number {
    return this.#number
  }

  /** Why no more lines are taken: a line or a run of blank lines is too long. */
  get problem(): Problem | undefined {
    return this.#problem
  }

  /** The lines that end in a chunk, up to the first that is too long. */
  take(chunk: Buffer): Lines {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end === 0) {
      this.#addIncomplete(chunk)
      return NO_LINES
    }
    const lines = this.#split(this.#incomplete.join(chunk.subarray(0, end)))
    // Copy: a view of a few bytes would keep the whole chunk in memory.
    if (end < chunk.length) this.#addIncomplete(Buffer.from(chunk.subarray(end)))
    return lines
  }

  /** The incomplete last line, at the end of the stream. */
  end(): Lines {
    return this.take(LINE_END)
  }

  #addIncomplete(bytes: Buffer): void {
    if (this.#problem !== undefined) return
    this.#incomplete.add(bytes)
    if (this.#incomplete.length > MAX_LINE_BYTES) this.#refuse(tooLong(this.#number + 1))
  }

  #refuse(problem: Problem): void {
    this.#problem ??= problem
    this.#incomplete.clear()
  }

  #split(bytes: Buffer): Lines {
    const lines = { bytes, starts: [] as number[], ends: [] as number[], numbers: [] as number[] }
    for (let start = this.#skipEmpty(bytes, 0); start < bytes.length && this.#problem === undefined; ) {
      const end = bytes.indexOf(LINE_FEED, start)
      if (end - start > MAX_LINE_BYTES) this.#refuse(tooLong(this.#number + 1))
      else this.#count(bytes, start, end, lines)
      start = this.#skipEmpty(bytes, end + 1)
    }
    return lines
  }

  /** Counts empty lines from `start` on and returns where they end. It must be fast: gigabytes of them may arrive. */
  #skipEmpty(bytes: Buffer, start: number): number {
    let end = start
    while (bytes[end] === LINE_FEED) end++
    this.#number += end - start
    this.#countBlank(end - start)
    return end
  }

  #count(bytes: Buffer, start: number, end: number, lines: GrowingLines): void {
    this.#number++
    if (isBlank(bytes, start, end)) {
      this.#countBlank(end - start + 1)
      return
    }
    this.#blankBytes = 0
    lines.starts.push(start + markLength(bytes, start))
    lines.ends.push(end)
    lines.numbers.push(this.#number)
  }

  #countBlank(bytes: number): void {
    this.#blankBytes += bytes
    if (this.#blankBytes > MAX_BLANK_BYTES) this.#refuse(TOO_BLANK)
  }
}

interface GrowingLines {
  readonly starts: number[]
  readonly ends: number[]
  readonly numbers: number[]
}

function tooLong(number: number): Problem {
  return { status: 413, detail: `line ${number} is longer than ${MAX_LINE_BYTES} bytes` }
}

const TOO_BLANK: Problem = {
  status: 413,
  detail: `there are more than ${MAX_BLANK_BYTES} bytes of blank lines in a row`,
}

const LINE_FEED = 0x0a
const LINE_END = Buffer.of(LINE_FEED)
const NO_LINES: Lines = { bytes: Buffer.alloc(0), starts: [], ends: [], numbers: [] }

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte !== 32 && byte !== 13 && byte !== 9) return false
  }
  return true
}
