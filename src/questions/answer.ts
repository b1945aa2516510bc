/** Sends answers: printed once for all clients that share one, or printed as fast as one client reads it. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { oneStep, type Steps } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { beginAnswer, sendJsonText } from '../server/problem.ts'
import { type AnswerBytes, TooManyAnswerBytes } from './answer-bytes.ts'

/** Characters per chunk, about. Small chunks show early that a client has stopped reading. */
const CHUNK_LENGTH = 64 * 1024

/** A printed answer. A short one is a string; a long one is in chunks outside the heap, which its clients share. */
export interface Printed {
  readonly text: string
  readonly chunks: readonly Buffer[]
  /** Size of the chunks: reserved in {@link AnswerBytes} until the answer is released. */
  readonly bytes: number
}

/** Prints all pieces. Throws {@link TooManyAnswerBytes} if the limit of held bytes would be exceeded. */
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
    // It threw, or its signal aborted.
    if (!isWhole) answerBytes.give(bytes)
  }
}

interface Chunk {
  readonly text: string
  readonly done: boolean
}

/** Joins the next pieces to one chunk. */
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

/** Sends a printed answer as fast as the client reads it. Rejects with the signal's reason if the client has gone. */
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

/** Prints and sends an answer as fast as the client reads it: at most one chunk of it is held. */
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

/** Yields too: writing chunks to a hundred clients at once would block the event loop. */
async function write(res: ServerResponse, chunk: Buffer | string, signal: AbortSignal): Promise<void> {
  const goesOn = await runYielding(
    oneStep(() => res.write(chunk)),
    signal,
  )
  // Node emits 'drain' before promises continue: waiting for it after it was emitted would never end.
  if (!goesOn && res.writableNeedDrain) await once(res, 'drain', { signal })
}

/** Upper bound of what {@link sendPieces} holds for one client: the chunk being printed and the one being sent. */
export const STREAM_BYTES: number = 4 * CHUNK_LENGTH
