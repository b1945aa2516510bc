/**
 * A stream of lines, whose items are kept in groups while the stream goes on: a line is durable soon after it arrives. The stream reads
 * lines, keeps a group or waits for memory, one at a time, so that the log has the order of the lines.
 */
import type { IncomingMessage } from 'node:http'
import { createEventLoopYield } from '../lib/event-loop.ts'
import type { Problem } from '../server/problem.ts'
import { type BodyLimits, OVERLOADED, tooSlow } from './body.ts'
import { type ChunkReader, inflate, readRequest } from './chunk-reader.ts'
import { Held } from './in-flight.ts'
import { type InvalidLine, invalidLineProblem } from './line-group.ts'
import type { LineSink } from './line-sink.ts'
import { LineSplitter, type Lines } from './line-splitter.ts'
import type { OpenStreams } from './open-streams.ts'
import { parsePartial, storeProblem, type Taken } from './receiving.ts'
import { createRejectedLines } from './rejected-lines.ts'

/** An incomplete line may take this much while no memory is free: most lines are shorter. */
const SHORT_LINE_BYTES = 16 * 1024
/** How long a stream waits for memory. */
const ROOM_TIMEOUT_MS = 3000

/** The body cannot be read on. What was kept before stays kept. */
class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

export interface LineStreamOptions extends Pick<BodyLimits, 'inFlight' | 'requestTimeoutMs'> {
  /** Of this stream. */
  readonly sink: LineSink
  /** Registers the stream, so that a stop ends it. */
  readonly streams?: OpenStreams | undefined
}

/**
 * Keeps the items of a request. An invalid line ends it, unless `partial=true`. The lines before the end are kept, and the answer says
 * how many they are.
 */
export async function takeLines(
  req: IncomingMessage,
  gzip: boolean,
  options: LineStreamOptions,
): Promise<Taken | Problem> {
  const isPartial = parsePartial(req)
  if (typeof isPartial !== 'boolean') return isPartial
  const { inFlight, streams } = options
  if (!inFlight.enter()) return OVERLOADED
  const request = readRequest(req, inFlight)
  const reader = gzip ? inflate(request, inFlight) : request
  const remove = streams?.add(problem => reader.fail(new BodyError(problem)))
  const stream = new LineStream(reader, isPartial, () => req.socket.destroyed, options)
  try {
    return await stream.run()
  } finally {
    reader.close()
    inFlight.leave()
    remove?.()
  }
}

const LEFT: Problem = { status: 400, detail: 'the client left' }

/** One stream. `hasLeft` says that its client is gone: then the rest is not processed, which may be long. */
class LineStream {
  readonly #reader: ChunkReader
  readonly #isPartial: boolean
  readonly #hasLeft: () => boolean
  readonly #options: LineStreamOptions
  readonly #splitter = new LineSplitter()
  readonly #rejected = createRejectedLines()
  readonly #held: Held
  readonly #yieldToEventLoop = createEventLoopYield()
  readonly #sink: LineSink
  /** The last line that is in a group or rejected, and the last line that is kept or rejected. */
  #lastLine = 0
  #keptLines = 0
  /** The deadline of the next line end. */
  #untilMs = 0
  /** Releases the pass that lets this stream read while no memory is free. */
  #releaseHeldPass: (() => void) | undefined

  constructor(reader: ChunkReader, isPartial: boolean, hasLeft: () => boolean, options: LineStreamOptions) {
    this.#reader = reader
    this.#isPartial = isPartial
    this.#hasLeft = hasLeft
    this.#options = options
    this.#sink = options.sink
    this.#held = new Held(options.inFlight)
  }

  /** Reads the stream to its end, and returns the answer. Call it once. */
  async run(): Promise<Taken | Problem> {
    try {
      await this.#readAll()
      await this.#flush()
      return this.#isPartial ? { ...this.#sink.answer(), ...this.#rejected.read() } : this.#sink.answer()
    } catch (error) {
      return await this.#refusal(error)
    } finally {
      this.#releasePass()
      this.#held.set(0)
    }
  }

  async #readAll(): Promise<void> {
    this.#allowTime()
    for (;;) {
      if (this.#hasLeft()) throw new BodyError(LEFT)
      if (this.#sink.dueMs <= performance.now()) await this.#flush()
      const { dueMs } = this.#sink
      const isDueFirst = dueMs < this.#untilMs
      const chunk = await this.#next(Math.min(dueMs, this.#untilMs))
      if (chunk === 'end') return await this.#take(this.#splitter.end())
      if (chunk !== 'late') await this.#takeChunk(chunk)
      else if (isDueFirst) await this.#flush()
      else throw new BodyError(tooSlow(this.#options.requestTimeoutMs))
    }
  }

  async #next(untilMs: number): ReturnType<ChunkReader['next']> {
    try {
      return await this.#reader.next(untilMs)
    } catch (error) {
      if (error instanceof BodyError) throw error
      const why = error instanceof Error ? error.message : error
      throw new BodyError({ status: 400, detail: `the body broke off after line ${this.#splitter.number}: ${why}` })
    }
  }

  async #takeChunk(chunk: Buffer): Promise<void> {
    const { number } = this.#splitter
    await this.#take(this.#splitter.take(chunk))
    if (this.#splitter.number > number) this.#allowTime()
    if (this.#splitter.problem !== undefined) throw new BodyError(this.#splitter.problem)
    this.#hold()
    const { inFlight } = this.#options
    if (inFlight.isOver) await this.#flush()
    if (this.#splitter.incompleteBytes <= SHORT_LINE_BYTES) this.#releasePass()
    else if (this.#releaseHeldPass === undefined && inFlight.isFull) await this.#awaitMemory()
  }

  async #take(lines: Lines): Promise<void> {
    if (lines.starts.length === 0) return
    const add = this.#sink.reader(lines)
    for (let from = 0; from < lines.starts.length; ) {
      const { next, invalid } = add(from)
      if (next > from) this.#lastLine = lines.numbers[next - 1]!
      from = next
      if (invalid !== undefined) this.#reject(lines.numbers[from++]!, invalid)
      if (this.#sink.isFull) {
        this.#hold(lines.bytes.length)
        await this.#flush()
      }
      // An invalid line takes many times as long as a valid one.
      if (invalid !== undefined) await this.#yieldToEventLoop()
    }
  }

  #reject(number: number, line: InvalidLine): void {
    this.#sink.rejected(1)
    if (!this.#isPartial) throw new BodyError(invalidLineProblem(number, line, this.#sink.noun))
    this.#rejected.add(number, line)
    this.#lastLine = number
  }

  async #flush(): Promise<void> {
    if (this.#sink.size > 0) {
      await this.#sink.flush()
      this.#hold()
      this.#allowTime()
    }
    this.#keptLines = this.#lastLine
  }

  /** Updates the account of bytes in flight. */
  #hold(moreBytes = 0): void {
    this.#held.set(this.#splitter.incompleteBytes + this.#sink.heldBytes + this.#rejected.heldBytes + moreBytes)
  }

  async #awaitMemory(): Promise<void> {
    await this.#flush()
    const { inFlight } = this.#options
    if (!inFlight.isFull) return
    const room = await inFlight.wait(ROOM_TIMEOUT_MS)
    if (room === 'none') throw new BodyError(OVERLOADED)
    if (room !== 'some') this.#releaseHeldPass = room
    this.#allowTime()
  }

  #releasePass(): void {
    this.#releaseHeldPass?.()
    this.#releaseHeldPass = undefined
  }

  #allowTime(): void {
    this.#untilMs = performance.now() + this.#options.requestTimeoutMs
  }

  /** The answer to a stream that is refused. */
  async #refusal(error: unknown): Promise<Problem> {
    try {
      if (!(error instanceof BodyError)) throw error
      await this.#flush()
      const { problem } = error
      const { detail, logged = detail } = problem
      const text = this.#keptText()
      return { ...problem, detail: `${detail}; ${text}`, logged: `${logged}; ${text}`, more: this.#more() }
    } catch (error) {
      return { ...storeProblem(error), more: this.#more() }
    }
  }

  #keptText(): string {
    const { count } = this.#rejected
    const without = count === 0 ? '' : `, without ${count} that are not as documented`
    return `the ${this.#keptLines} lines before are kept${without}`
  }

  #more(): Readonly<Record<string, unknown>> {
    const rejected = this.#isPartial ? this.#rejected.read() : {}
    return { ...this.#sink.answer(), kept_lines: this.#keptLines, ...rejected }
  }
}
