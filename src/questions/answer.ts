/** An answer on its way out: printed once for all who asked for it, or printed as fast as one client reads it. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { oneStep, type Steps } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { beginAnswer, sendJsonText } from '../server/problem.ts'
import { type AnswerBytes, TooManyAnswerBytes } from './answer-bytes.ts'

/** Characters of a chunk, about. Chunks are small, so that it shows whether a client reads. */
const CHUNK_LENGTH = 64 * 1024

/** JSON that is printed whole. A short one is one text; a long one is in chunks outside the heap, which all who asked for it share. */
export interface Printed {
  readonly text: string
  readonly chunks: readonly Buffer[]
  /** Of the chunks: taken from {@link AnswerBytes} until it is given back. */
  readonly bytes: number
}

/** Prints all pieces. Throws {@link TooManyAnswerBytes} where there is no room for them. */
export function* printSteps(pieces: Iterator<string>, answerBytes: AnswerBytes): Steps<Printed> {
  const chunks: Buffer[] = []
  let bytes = 0
  let isWhole = false
  function add(text: string): void {
    const chunk = Buffer.from(text)
    if (!answerBytes.take(chunk.length, bytes)) throw new TooManyAnswerBytes()
    bytes += chunk.length
    chunks.push(chunk)
  }
  try {
    for (;;) {
      const { text, done } = yield* chunkSteps(pieces)
      isWhole = done
      if (done && chunks.length === 0) return { text, chunks, bytes }
      add(text)
      if (done) return { text: '', chunks, bytes }
      yield
    }
  } finally {
    // It threw, or is no longer wanted.
    if (!isWhole) answerBytes.give(bytes)
  }
}

interface Chunk {
  readonly text: string
  readonly done: boolean
}

/** The next pieces, until they are long enough for a chunk. */
function* chunkSteps(pieces: Iterator<string>): Steps<Chunk> {
  let text = ''
  while (text.length < CHUNK_LENGTH) {
    const { value, done } = pieces.next()
    if (done) return { text, done }
    text += value
    yield
  }
  return { text, done: false }
}

/** Sends a printed answer as fast as the client reads it. Rejects with the signal's reason where the client has gone. */
export async function sendPrinted(
  res: ServerResponse,
  { text, chunks, bytes }: Printed,
  signal: AbortSignal,
): Promise<void> {
  if (chunks.length === 0) return sendJsonText(res, 200, text)
  beginAnswer(res, 200, ['Content-Type', 'application/json', 'Content-Length', bytes])
  if (res.req.method !== 'HEAD') {
    for (const chunk of chunks) await write(res, chunk, signal)
  }
  res.end()
}

/** Sends JSON that is printed piece by piece as fast as the client reads it: no more than a chunk of it is ever held. */
export async function sendPieces(res: ServerResponse, pieces: Iterator<string>, signal: AbortSignal): Promise<void> {
  let { text, done } = await runYielding(chunkSteps(pieces), signal)
  if (done) return sendJsonText(res, 200, text)
  beginAnswer(res, 200, ['Content-Type', 'application/json'])
  if (res.req.method === 'HEAD') {
    res.end()
    return
  }
  for (; !done; { text, done } = await runYielding(chunkSteps(pieces), signal)) await write(res, text, signal)
  res.end(text)
}

/** In slices too: to hand over what a hundred clients read takes time. */
async function write(res: ServerResponse, chunk: Buffer | string, signal: AbortSignal): Promise<void> {
  const goesOn = await runYielding(
    oneStep(() => res.write(chunk)),
    signal,
  )
  // It may have drained by now: Node tells of that before promises go on.
  if (!goesOn && res.writableNeedDrain) await once(res, 'drain', { signal })
}

/** What {@link sendPieces} holds at the most, for one client: the chunk that is printed and the one that is being sent. */
export const STREAM_BYTES: number = 4 * CHUNK_LENGTH
