/** A body of any length as lines, within bounds: bytes of a line, bytes of begun lines over all clients, and time. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'
import type { Problem } from '../problem.ts'
import { type InFlight, OVERLOADED, tooSlow } from './body.ts'
import { markLength } from './json.ts'

/** Lines of a stream that came together, blank ones left out: each stands from its start to its end in the bytes. */
export interface Lines {
  readonly bytes: Buffer
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** Which line of the stream each one is, from 1. */
  readonly numbers: readonly number[]
}

/** A body that cannot be read on; what came before it stands. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/**
 * The lines of a body of any length, as they come. Throws a {@link BodyError} when a line is longer than `maxLineBytes`, when the stream
 * breaks, when nothing comes for `idleTimeoutMs`, or when begun lines hold too much over all clients.
 */
export async function* linesOf(
  req: IncomingMessage,
  gzip: boolean,
  { maxLineBytes, idleTimeoutMs }: { readonly maxLineBytes: number; readonly idleTimeoutMs: number },
  inFlight: InFlight,
): AsyncGenerator<Lines> {
  const inflating = gzip ? zlib.createGunzip() : undefined
  const source: Readable = inflating === undefined ? req : req.pipe(inflating)
  if (gzip) req.once('close', () => req.readableEnded || source.destroy(new Error('the body ended early')))
  // Left standing when the reader stops: the answer goes out on the same connection.
  const chunks = source.iterator({ destroyOnReturn: false })
  const cutter = new Cutter(maxLineBytes)
  let held = 0
  try {
    for await (const chunk of withIdleTimeout(chunks, idleTimeoutMs)) {
      yield cutter.take(chunk)
      if (cutter.isTooLong) throw new BodyError(tooLong(cutter.number + 1, maxLineBytes))
      inFlight.give(held)
      held = 0
      if (!inFlight.take(cutter.begunBytes)) throw new BodyError(OVERLOADED)
      held = cutter.begunBytes
    }
    yield cutter.take(LINE_END)
  } catch (error) {
    if (error instanceof BodyError) throw error
    const detail = `the body broke off after line ${cutter.number}: ${error instanceof Error ? error.message : String(error)}`
    throw new BodyError({ status: 400, detail })
  } finally {
    inFlight.give(held)
    if (inflating !== undefined) {
      // What is left is not worth inflating, nor what is wrong with it worth knowing.
      req.unpipe(inflating)
      inflating.on('error', () => undefined).destroy()
    }
  }
}

/** The chunks; throws a {@link BodyError} when none comes for `timeoutMs`. */
async function* withIdleTimeout(chunks: AsyncIterator<Buffer>, timeoutMs: number): AsyncGenerator<Buffer> {
  let stalled: (error: BodyError) => void = () => undefined
  const stall = new Promise<never>((_, reject) => {
    stalled = reject
  })
  stall.catch(() => undefined)
  const idle = setTimeout(() => stalled(new BodyError(tooSlow(timeoutMs))), timeoutMs)
  try {
    for (;;) {
      idle.refresh()
      const next = await Promise.race([chunks.next(), stall])
      if (next.done) return
      yield next.value
    }
  } finally {
    clearTimeout(idle)
    // Lets go of the stream, so that its rest can be thrown away. Not awaited: where nothing comes any more it never ends.
    chunks.return?.().catch(() => undefined)
  }
}

function tooLong(number: number, maxLineBytes: number): Problem {
  return { status: 413, detail: `line ${number} is longer than ${maxLineBytes} bytes` }
}

const LINE_FEED = 0x0a
const LINE_END = Buffer.of(LINE_FEED)

/** A class: a cutter is made for every request, and an object with getters of its own has a shape of its own, which is born old. */
class Cutter {
  readonly #maxLineBytes: number
  #begun: Buffer[] = []
  #begunBytes = 0
  #number = 0
  #isTooLong = false

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes
  }

  /** Bytes of the line that is begun. */
  get begunBytes(): number {
    return this.#begunBytes
  }

  /** How many lines have ended. */
  get number(): number {
    return this.#number
  }

  /** Whether the next one is longer than it may be: then nothing more can be taken. */
  get isTooLong(): boolean {
    return this.#isTooLong
  }

  /** The lines that end in a chunk, up to one that is too long. */
  take(chunk: Buffer): Lines {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    const lines = this.#cut(end === 0 ? NOTHING : this.#joined(chunk.subarray(0, end)))
    if (!this.#isTooLong) this.#begin(chunk.subarray(end))
    return lines
  }

  #begin(bytes: Buffer): void {
    if (bytes.length > 0) this.#begun.push(bytes)
    this.#begunBytes += bytes.length
    this.#isTooLong ||= this.#begunBytes > this.#maxLineBytes
  }

  /** What is begun, with its end behind it. */
  #joined(end: Buffer): Buffer {
    if (this.#begun.length === 0) return end
    const bytes = Buffer.concat([...this.#begun, end])
    this.#begun = []
    this.#begunBytes = 0
    return bytes
  }

  #cut(bytes: Buffer): Lines {
    const lines = { bytes, starts: [] as number[], ends: [] as number[], numbers: [] as number[] }
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(LINE_FEED, start)
      this.#isTooLong ||= end - start > this.#maxLineBytes
      if (this.#isTooLong) break
      this.#number++
      if (!isBlank(bytes, start, end)) {
        lines.starts.push(start + markLength(bytes, start))
        lines.ends.push(end)
        lines.numbers.push(this.#number)
      }
      start = end + 1
    }
    return lines
  }
}

const NOTHING = Buffer.alloc(0)

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte !== 32 && byte !== 13 && byte !== 9) return false
  }
  return true
}
