/** Reads the lines of a file or of standard input. Decompresses gzip. */
import { createReadStream } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CommandError, EXIT } from './exit.ts'

/** Maximum length of a line. V8 strings are limited to about 2^29 characters. */
const MAX_LINE_BYTES = 2 ** 28

/** The source of lines. */
export interface Input {
  /** A path, or `-` for `stdin`. */
  readonly path: string
  readonly stdin: Readable
  /** Receives the number of bytes of each chunk, before decompression. */
  readonly onBytes: (bytes: number) => void
  /** Receives each chunk after decompression. */
  readonly onContent?: ((chunk: Uint8Array) => void) | undefined
}

export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/** The name of an input in messages. */
export const nameOf = (path: string): string => (path === '-' ? 'standard input' : path)

/** The lines of an input without line feeds. Rejects with a {@link CommandError} that names the input if it cannot be read. */
export async function* linesOf({ path, stdin, onBytes, onContent }: Input): AsyncGenerator<Line> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  try {
    const raw: AsyncIterable<Buffer> = path === '-' ? stdin : createReadStream(path)
    for await (const bytes of split(heard(inflated(counted(raw, onBytes)), onContent))) {
      number++
      yield { number, text: utf8.decode(bytes) }
    }
  } catch (error) {
    const code = String((error as { code?: unknown }).code)
    const isBad = code.startsWith('Z_') || code === 'ERR_ENCODING_INVALID_ENCODED_DATA' || error instanceof RangeError
    const message = `cannot read ${nameOf(path)}${number === 0 ? '' : ` at line ${number}`}: ${(error as Error).message}`
    throw new CommandError(isBad ? EXIT.data : EXIT.io, message, { cause: error })
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, onBytes: Input['onBytes']): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onBytes(chunk.length)
    yield chunk
  }
}

async function* heard(chunks: AsyncGenerator<Buffer>, onContent: Input['onContent']): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onContent?.(chunk)
    yield chunk
  }
}

/** Detects gzip by its first two bytes, because standard input has no file name. */
async function* inflated(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < 2) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const whole = joined(head, chunks)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* whole
  // `pipeline` forwards an error of either stream to the iterator, so its callback ignores the error.
  yield* pipeline(Readable.from(whole), createGunzip(), () => undefined) as AsyncIterable<Buffer>
}

async function* joined(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

/** The bytes between line feeds. Joins the chunks of a line once, because a document may be one line of many megabytes. */
async function* split(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  let held = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, end)])
      pieces = []
      held = 0
      from = end + 1
    }
    pieces.push(chunk.subarray(from))
    held += chunk.length - from
    if (held > MAX_LINE_BYTES) throw new RangeError(`a line is longer than ${MAX_LINE_BYTES} bytes`)
  }
  if (held > 0) yield Buffer.concat(pieces)
}
