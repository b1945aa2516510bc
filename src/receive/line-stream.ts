/**
 * A stream of lines, whose attempts are kept in groups while the stream goes on: a line is durable soon after it arrives. The stream reads
 * lines, keeps a group or waits for memory, one at a time, so that the log has the order of the lines.
 */
import type { IncomingMessage } from 'node:http'
import { createEventLoopYield } from '../lib/event-loop.ts'
import type { Problem } from '../server/problem.ts'
import { OVERLOADED, tooSlow } from './body.ts'
import { type ChunkReader, inflate, readRequest } from './chunk-reader.ts'
import { Held } from './in-flight.ts'
import { addLines, emptyGroup, type InvalidLine, invalidLineProblem, isFull, readerOf } from './line-group.ts'
import { LineSplitter, type Lines } from './line-splitter.ts'
import { keep, parsePartial, type ReceiveOptions, storeProblem, type Taken } from './receiving.ts'
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

/**
 * Keeps the attempts of a request. An invalid line ends it, unless `partial=true`. The lines before the end are kept, and the answer says
 * how many they are.
 */
export async function takeLines(
  req: IncomingMessage,
  gzip: boolean,
  options: ReceiveOptions,
): Promise<Taken | Problem> {
  const isPartial = parsePartial(req)
  if (typeof isPartial !== 'boolean') return isPartial
  const { inFlight, streams } = options
  if (!inFlight.enter()) return OVERLOADED
  const request = readRequest(req, inFlight)
  const reader = gzip ? inflate(request, inFlight) : request
  const remove = streams?.add(problem => reader.fail(new BodyError(problem)))
  const stream = createLineStream(reader, isPartial, () => req.socket.destroyed, options)
  try {
    return await stream.run()
  } finally {
    reader.close()
    inFlight.leave()
    remove?.()
  }
}

const LEFT: Problem = { status: 400, detail: 'the client left' }

/** One stream. `hasLeft` says that its client is gone: nobody needs the rest, which may be long. */
function createLineStream(reader: ChunkReader, isPartial: boolean, hasLeft: () => boolean, options: ReceiveOptions) {
  const { inFlight, counts, requestTimeoutMs } = options
  const splitter = new LineSplitter()
  const rejected = createRejectedLines()
  const held = new Held(inFlight)
  const pause = createEventLoopYield()
  const kept = { accepted: 0, duplicates: 0 }
  let group = emptyGroup()
  /** The last line that is in a group or rejected, and the last line that is kept or rejected. */
  let lastLine = 0
  let keptLines = 0
  /** The deadline of the next line end. */
  let untilMs = 0
  /** Releases the pass that lets this stream read while no memory is free. */
  let releaseHeldPass: (() => void) | undefined

  async function run(): Promise<Taken | Problem> {
    try {
      await readAll()
      await flush()
      return isPartial ? { ...kept, ...rejected.read() } : kept
    } catch (error) {
      return await refusal(error)
    } finally {
      releasePass()
      held.set(0)
    }
  }

  async function readAll(): Promise<void> {
    allowTime()
    for (;;) {
      if (hasLeft()) throw new BodyError(LEFT)
      if (group.dueMs <= performance.now()) await flush()
      const isDueFirst = group.dueMs < untilMs
      const chunk = await next(Math.min(group.dueMs, untilMs))
      if (chunk === 'end') return await take(splitter.end())
      if (chunk !== 'late') await takeChunk(chunk)
      else if (isDueFirst) await flush()
      else throw new BodyError(tooSlow(requestTimeoutMs))
    }
  }

  async function next(untilMs: number): ReturnType<ChunkReader['next']> {
    try {
      return await reader.next(untilMs)
    } catch (error) {
      if (error instanceof BodyError) throw error
      const detail = `the body broke off after line ${splitter.number}: ${error instanceof Error ? error.message : error}`
      throw new BodyError({ status: 400, detail })
    }
  }

  async function takeChunk(chunk: Buffer): Promise<void> {
    const { number } = splitter
    await take(splitter.take(chunk))
    if (splitter.number > number) allowTime()
    if (splitter.problem !== undefined) throw new BodyError(splitter.problem)
    hold()
    if (inFlight.isOver) await flush()
    if (splitter.incompleteBytes <= SHORT_LINE_BYTES) releasePass()
    else if (releaseHeldPass === undefined && inFlight.isFull) await awaitRoom()
  }

  async function take(lines: Lines): Promise<void> {
    if (lines.starts.length === 0) return
    const read = readerOf(lines)
    for (let from = 0; from < lines.starts.length; ) {
      const { next, invalid } = addLines(group, lines, from, read)
      if (next > from) lastLine = lines.numbers[next - 1]!
      from = next
      if (invalid !== undefined) reject(lines.numbers[from++]!, invalid)
      if (isFull(group)) {
        hold(lines.bytes.length)
        await flush()
      }
      // An invalid line takes many times as long as a valid one.
      if (invalid !== undefined) await pause()
    }
  }

  function reject(number: number, line: InvalidLine): void {
    counts.rejected(1)
    if (!isPartial) throw new BodyError(invalidLineProblem(number, line))
    rejected.add(number, line)
    lastLine = number
  }

  async function flush(): Promise<void> {
    if (group.attempts.length > 0) {
      const { accepted, duplicates } = await keep(group.attempts, group, options)
      kept.accepted += accepted
      kept.duplicates += duplicates
      group = emptyGroup()
      hold()
      allowTime()
    }
    keptLines = lastLine
  }

  /** Updates the account of bytes in flight. */
  function hold(moreBytes = 0): void {
    held.set(splitter.incompleteBytes + group.heldBytes + rejected.heldBytes + moreBytes)
  }

  async function awaitRoom(): Promise<void> {
    await flush()
    if (!inFlight.isFull) return
    const room = await inFlight.wait(ROOM_TIMEOUT_MS)
    if (room === 'none') throw new BodyError(OVERLOADED)
    if (room !== 'some') releaseHeldPass = room
    allowTime()
  }

  function releasePass(): void {
    releaseHeldPass?.()
    releaseHeldPass = undefined
  }

  function allowTime(): void {
    untilMs = performance.now() + requestTimeoutMs
  }

  /** The answer to a stream that is refused. */
  async function refusal(error: unknown): Promise<Problem> {
    try {
      if (!(error instanceof BodyError)) throw error
      await flush()
      const { problem } = error
      const { detail, logged = detail } = problem
      const text = keptText()
      return { ...problem, detail: `${detail}; ${text}`, logged: `${logged}; ${text}`, more: more() }
    } catch (error) {
      return { ...storeProblem(error), more: more() }
    }
  }

  function keptText(): string {
    const { count } = rejected
    return `the ${keptLines} lines before are kept${count === 0 ? '' : `, without ${count} that are not as documented`}`
  }

  const more = (): Readonly<Record<string, unknown>> => ({
    ...kept,
    kept_lines: keptLines,
    ...(isPartial && rejected.read()),
  })

  return { run }
}
