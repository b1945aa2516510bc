/**
 * Every kind of work that goes on after it was returned, and every way in which it ends. The tests run each, and the table of docs/library.md
 * is printed from them.
 */
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

/** What is recorded of an attempt. */
export interface Recorded {
  readonly success: boolean
  readonly error_type?: string
}

export interface EndedStream {
  /** What the work returns. */
  readonly kind: string
  /** How it ends. */
  readonly ended: string
  readonly recorded: Recorded
  /** Makes what the work returns. */
  open(): unknown
  /** Reads it, as the caller of `trackAttempt` does. */
  read(opened: never): Promise<unknown>
}

const SUCCESS: Recorded = { success: true }
const ABORTED: Recorded = { success: false, error_type: 'aborted' }
const FAILED: Recorded = { success: false, error_type: 'RangeError' }

export const CHUNKS = ['a', 'b', 'c'] as const

/** Three chunks, each some time after it is asked for. Throws behind the second one if `fails`. */
export async function* generate(fails = false): AsyncGenerator<string> {
  for (const chunk of CHUNKS) {
    await delay(5)
    if (fails && chunk === 'c') throw new RangeError('midway')
    yield chunk
  }
}

function* generateSync(fails = false): Generator<string> {
  for (const chunk of CHUNKS) {
    if (fails && chunk === 'c') throw new RangeError('midway')
    yield chunk
  }
}

export function readable(fails = false): ReadableStream<string> {
  const source = generate(fails)
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await source.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}

const response = (fails = false, status = 200): Response =>
  new Response(readable(fails).pipeThrough(new TextEncoderStream()), { status })

/** As the streams of OpenAI's and Anthropic's SDK: an object that makes a new iterator. */
const iterable = (fails = false): AsyncIterable<string> => ({ [Symbol.asyncIterator]: () => generate(fails) })

export async function all(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

async function first(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of stream) break
}

const failing = async (work: Promise<unknown>): Promise<void> => {
  await work.then(
    () => {
      throw new Error('expected a failure')
    },
    () => undefined,
  )
}

/** A stream, with its type lost in the list. */
function ends<Opened>(
  kind: string,
  ended: string,
  recorded: Recorded,
  open: () => Opened,
  read: (opened: Opened) => Promise<unknown>,
): EndedStream {
  return { kind, ended, recorded, open, read: read as EndedStream['read'] }
}

const GENERATOR = 'async generator'
const STREAM = '`ReadableStream`'
const RESPONSE = '`Response`'

export const ENDED_STREAMS: readonly EndedStream[] = [
  ends(GENERATOR, 'read to its end', SUCCESS, generate, all),
  ends(
    GENERATOR,
    'throws midway',
    FAILED,
    () => generate(true),
    stream => failing(all(stream)),
  ),
  ends(GENERATOR, 'its reader leaves the loop (`return`)', ABORTED, generate, first),
  ends(GENERATOR, 'its reader throws into it (`throw`)', FAILED, generate, async stream => {
    await stream.next()
    await failing(stream.throw(new RangeError('thrown in')))
  }),
  ends('generator', 'read to its end', SUCCESS, generateSync, all),
  ends(
    'generator',
    'throws midway',
    FAILED,
    () => generateSync(true),
    stream => failing(all(stream)),
  ),
  ends('generator', 'its reader leaves the loop', ABORTED, generateSync, first),
  ends('async iterable, such as a stream of an SDK', 'read to its end', SUCCESS, iterable, all),
  ends(
    'async iterable, such as a stream of an SDK',
    'throws midway',
    FAILED,
    () => iterable(true),
    stream => failing(all(stream)),
  ),
  ends('async iterable, such as a stream of an SDK', 'its reader leaves the loop', ABORTED, iterable, first),
  ends(STREAM, 'read to its end', SUCCESS, readable, all),
  ends(STREAM, 'read by a reader to its end', SUCCESS, readable, async stream => {
    const reader = stream.getReader()
    while (!(await reader.read()).done);
  }),
  ends(
    STREAM,
    'fails midway',
    FAILED,
    () => readable(true),
    stream => failing(all(stream)),
  ),
  ends(STREAM, 'its reader leaves the loop', ABORTED, readable, first),
  ends(STREAM, 'its reader cancels it', ABORTED, readable, async stream => {
    const reader = stream.getReader()
    await reader.read()
    await reader.cancel()
  }),
  ends(STREAM, 'cancelled before it is read', ABORTED, readable, stream => stream.cancel()),
  ends(STREAM, 'piped to its end', SUCCESS, readable, stream => stream.pipeTo(new WritableStream())),
  ends(
    STREAM,
    'piped, and fails midway',
    FAILED,
    () => readable(true),
    stream => failing(stream.pipeTo(new WritableStream())),
  ),
  ends(STREAM, 'piped to a sink that fails', ABORTED, readable, stream =>
    failing(stream.pipeTo(new WritableStream({ write: () => Promise.reject(new Error('the client left')) }))),
  ),
  ends(STREAM, 'piped through a transform to its end', SUCCESS, readable, stream =>
    all(stream.pipeThrough(new TransformStream())),
  ),
  ends(STREAM, 'the reader of its transform leaves the loop', ABORTED, readable, stream =>
    first(stream.pipeThrough(new TransformStream())),
  ),
  ends(STREAM, 'one branch of `tee` is read to its end', SUCCESS, readable, async stream => {
    const [one] = stream.tee()
    await all(one)
  }),
  ends(STREAM, 'both branches of `tee` are cancelled', ABORTED, readable, async stream => {
    const [one, other] = stream.tee()
    await Promise.all([first(one), other.cancel()])
  }),
  ends(STREAM, 'one branch of `tee` is cancelled, the other read to its end', SUCCESS, readable, async stream => {
    const [one, other] = stream.tee()
    void one.cancel()
    await all(other)
  }),
  ends(RESPONSE, 'read as text', SUCCESS, response, one => one.text()),
  ends(RESPONSE, 'its stream is read to its end', SUCCESS, response, one => all(one.body!)),
  ends(RESPONSE, 'a copy of it is read', SUCCESS, response, one => one.clone().text()),
  ends(
    RESPONSE,
    'fails midway',
    FAILED,
    () => response(true),
    one => failing(one.text()),
  ),
  ends(RESPONSE, 'no JSON, but read as JSON', { success: false, error_type: 'SyntaxError' }, response, one =>
    failing(one.json()),
  ),
  ends(RESPONSE, 'its reader leaves the loop', ABORTED, response, one => first(one.body!)),
  ends(RESPONSE, 'cancelled before it is read', SUCCESS, response, one => one.body!.cancel()),
  ends(
    RESPONSE,
    'with an error status',
    { success: false, error_type: '503' },
    () => response(false, 503),
    one => one.text(),
  ),
  ends(
    RESPONSE,
    'without a body',
    SUCCESS,
    () => new Response(null, { status: 204 }),
    async () => undefined,
  ),
  ends('`Readable` of Node', 'read to its end', SUCCESS, () => Readable.from(generate()), all),
  ends(
    '`Readable` of Node',
    'fails midway',
    FAILED,
    () => Readable.from(generate(true)),
    stream => failing(all(stream)),
  ),
  ends('`Readable` of Node', 'its reader leaves the loop', ABORTED, () => Readable.from(generate()), first),
]
