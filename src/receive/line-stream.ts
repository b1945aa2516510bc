/**
 * A stream of lines, kept in groups as they come: a line is on disk soon after it came, although the stream goes on. One thing happens at
 * a time: lines are read, or a group is kept, or the stream waits for memory. So the order of the lines is that of the log.
 */
import type { IncomingMessage } from 'node:http'
import { createEventLoopYield } from '../lib/event-loop.ts'
import type { Problem } from '../server/problem.ts'
import { OVERLOADED, tooSlow } from './body.ts'
import { type ChunkReader, inflate, readRequest } from './chunk-reader.ts'
import { Held } from './in-flight.ts'
import { type BadLine, badLineProblem, emptyGroup, isFull, readerOf, takeSome } from './line-group.ts'
import { Cutter, type Lines } from './lines.ts'
import { keep, partialOf, type ReceiveOptions, storeProblem, type Taken } from './receiving.ts'
import { createRejectedLines } from './rejected-lines.ts'

/** A line that is begun may take so much without there being room for it: most lines are shorter. */
const SHORT_LINE_BYTES = 16 * 1024
/** How long a stream waits for room. */
const ROOM_TIMEOUT_MS = 3000

/** A body that cannot be read on; what came before it stands. */
class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/**
 * Keeps the lines of a request. A bad line ends it, unless the request asks for the good ones in spite of that. What stands before the end
 * is kept, and the answer says how many lines that are.
 */
export async function takeLines(
  req: IncomingMessage,
  gzip: boolean,
  options: ReceiveOptions,
): Promise<Taken | Problem> {
  const isPartial = partialOf(req)
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

/** One stream. `hasLeft` says whether its client can be answered no more: then there is no use in the rest, which may be much. */
function createLineStream(reader: ChunkReader, isPartial: boolean, hasLeft: () => boolean, options: ReceiveOptions) {
  const { inFlight, counts, requestTimeoutMs } = options
  const cutter = new Cutter()
  const rejected = createRejectedLines()
  const held = new Held(inFlight)
  const pause = createEventLoopYield()
  const kept = { accepted: 0, duplicates: 0 }
  let group = emptyGroup()
  /** The last line that was taken into a group or rejected, and the last one that is kept or rejected. */
  let lastLine = 0
  let keptLines = 0
  /** A line must end until then. */
  let untilMs = 0
  /** Gives back the pass to read without room. */
  let givePass: (() => void) | undefined

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
      if (chunk === 'end') return await take(cutter.end())
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
      const detail = `the body broke off after line ${cutter.number}: ${error instanceof Error ? error.message : error}`
      throw new BodyError({ status: 400, detail })
    }
  }

  async function takeChunk(chunk: Buffer): Promise<void> {
    const { number } = cutter
    await take(cutter.take(chunk))
    if (cutter.number > number) allowTime()
    if (cutter.problem !== undefined) throw new BodyError(cutter.problem)
    hold()
    if (inFlight.isOver) await flush()
    if (cutter.begunBytes <= SHORT_LINE_BYTES) releasePass()
    else if (givePass === undefined && inFlight.isFull) await awaitRoom()
  }

  async function take(lines: Lines): Promise<void> {
    if (lines.starts.length === 0) return
    const read = readerOf(lines)
    for (let from = 0; from < lines.starts.length; ) {
      const { next, bad } = takeSome(group, lines, from, read)
      if (next > from) lastLine = lines.numbers[next - 1]!
      from = next
      if (bad !== undefined) reject(lines.numbers[from++]!, bad)
      if (isFull(group)) {
        hold(lines.bytes.length)
        await flush()
      }
      // A bad line takes many times as long as a good one.
      if (bad !== undefined) await pause()
    }
  }

  function reject(number: number, line: BadLine): void {
    counts.rejected(1)
    if (!isPartial) throw new BodyError(badLineProblem(number, line))
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

  /** Accounts for what is in memory now. */
  function hold(moreBytes = 0): void {
    held.set(cutter.begunBytes + group.heldBytes + rejected.heldBytes + moreBytes)
  }

  async function awaitRoom(): Promise<void> {
    await flush()
    if (!inFlight.isFull) return
    const room = await inFlight.wait(ROOM_TIMEOUT_MS)
    if (room === 'none') throw new BodyError(OVERLOADED)
    if (room !== 'some') givePass = room
    allowTime()
  }

  function releasePass(): void {
    givePass?.()
    givePass = undefined
  }

  function allowTime(): void {
    untilMs = performance.now() + requestTimeoutMs
  }

  /** The answer to a stream that ends before its end. */
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
