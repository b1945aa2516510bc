/** Chunks -> the lines that end in them, with bounds on the bytes of a line and on those of blank lines in a row. */
import type { Problem } from '../server/problem.ts'
import { markLength } from './json.ts'
import { Pieces } from './pieces.ts'

/** Lines of a stream that came together, without blank ones: each from its start to its end in the bytes. */
export interface Lines {
  readonly bytes: Buffer
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** Which line of the stream each one is, from 1. */
  readonly numbers: readonly number[]
}

/** Bytes of one line at the most. */
const MAX_LINE_BYTES = 1 << 20
/** Bytes of blank lines in a row: two megabytes of gzip inflate to two gigabytes of them. */
const MAX_BLANK_BYTES = 64 << 20

/** A class: a cutter is made for every request, and an object with getters of its own is slower to make. */
export class Cutter {
  readonly #begun = new Pieces()
  #number = 0
  #blankBytes = 0
  #problem: Problem | undefined

  /** Bytes of the line that is begun. */
  get begunBytes(): number {
    return this.#begun.length
  }

  /** How many lines have ended. */
  get number(): number {
    return this.#number
  }

  /** Why no more can be taken. */
  get problem(): Problem | undefined {
    return this.#problem
  }

  /** The lines that end in a chunk, up to one that is too long. */
  take(chunk: Buffer): Lines {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end === 0) {
      this.#begin(chunk)
      return NO_LINES
    }
    const lines = this.#cut(this.#begun.join(chunk.subarray(0, end)))
    // A copy: a view of a few bytes would keep the whole chunk.
    if (end < chunk.length) this.#begin(Buffer.from(chunk.subarray(end)))
    return lines
  }

  /** The line that is begun, where the stream ends without a line end. */
  end(): Lines {
    return this.take(LINE_END)
  }

  #begin(bytes: Buffer): void {
    if (this.#problem !== undefined) return
    this.#begun.add(bytes)
    if (this.#begun.length > MAX_LINE_BYTES) this.#refuse(tooLong(this.#number + 1))
  }

  #refuse(problem: Problem): void {
    this.#problem ??= problem
    this.#begun.clear()
  }

  #cut(bytes: Buffer): Lines {
    const lines = { bytes, starts: [] as number[], ends: [] as number[], numbers: [] as number[] }
    for (let start = this.#skipEmpty(bytes, 0); start < bytes.length && this.#problem === undefined; ) {
      const end = bytes.indexOf(LINE_FEED, start)
      if (end - start > MAX_LINE_BYTES) this.#refuse(tooLong(this.#number + 1))
      else this.#count(bytes, start, end, lines)
      start = this.#skipEmpty(bytes, end + 1)
    }
    return lines
  }

  /** Counts empty lines from `start` on, and answers where they end. Quick: a flood of them is nothing but work. */
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
