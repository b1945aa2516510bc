/** A body of any length as lines, within bounds: bytes of a line, bytes of begun lines over all clients, and time. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'
import type { Problem } from '../problem.ts'
import { type InFlight, OVERLOADED, tooSlow } from './body.ts'

/** One line of a stream, with its number from 1. */
export interface Line {
  readonly number: number
  readonly bytes: Buffer
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
 * The lines of a body of any length, in the groups they arrive in, blank ones left out. Throws a {@link BodyError} when a line is longer than
 * `maxLineBytes`, when the stream breaks, when nothing comes for `idleTimeoutMs`, or when begun lines hold too much over all clients.
 */
export async function* linesOf(
  req: IncomingMessage,
  gzip: boolean,
  { maxLineBytes, idleTimeoutMs }: { readonly maxLineBytes: number; readonly idleTimeoutMs: number },
  inFlight: InFlight,
): AsyncGenerator<Line[]> {
  const inflating = gzip ? zlib.createGunzip() : undefined
  const source: Readable = inflating === undefined ? req : req.pipe(inflating)
  if (gzip) req.once('close', () => req.readableEnded || source.destroy(new Error('the body ended early')))
  // Left standing when the reader stops: the answer goes out on the same connection.
  const chunks = source.iterator({ destroyOnReturn: false })
  let rest: Buffer = Buffer.alloc(0)
  let held = 0
  let number = 0
  try {
    for await (const chunk of withIdleTimeout(chunks, idleTimeoutMs)) {
      const lines: Line[] = []
      let from = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
        const piece = chunk.subarray(from, end)
        const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
        rest = Buffer.alloc(0)
        from = end + 1
        number++
        checkLine(bytes, number, maxLineBytes)
        if (!isBlank(bytes)) lines.push({ number, bytes })
      }
      if (from < chunk.length) rest = Buffer.concat([rest, chunk.subarray(from)])
      if (lines.length > 0) yield lines
      checkLine(rest, number + 1, maxLineBytes)
      inFlight.give(held)
      held = 0
      if (!inFlight.take(rest.length)) throw new BodyError(OVERLOADED)
      held = rest.length
    }
  } catch (error) {
    if (error instanceof BodyError) throw error
    const detail = `the body broke off after line ${number}: ${error instanceof Error ? error.message : String(error)}`
    throw new BodyError({ status: 400, detail })
  } finally {
    inFlight.give(held)
    if (inflating !== undefined) {
      // What is left is not worth inflating, nor what is wrong with it worth knowing.
      req.unpipe(inflating)
      inflating.on('error', () => undefined).destroy()
    }
  }
  if (!isBlank(rest)) yield [{ number: number + 1, bytes: rest }]
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

function checkLine(bytes: Buffer, number: number, maxLineBytes: number): void {
  if (bytes.length <= maxLineBytes) return
  const detail = `line ${number} is longer than ${maxLineBytes} bytes`
  throw new BodyError({ status: 413, detail })
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 32 && byte !== 13 && byte !== 9) return false
  return true
}
