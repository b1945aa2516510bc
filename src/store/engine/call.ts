/** One call of append on its way into a group: encoded when it comes, so that the work is spread. */
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import { inUtc } from '../../core/attempt/defaults.ts'
import { type Instant, parseTimestamp, printTimestamp } from '../../core/attempt/timestamp.ts'
import type { RecordTimes } from '../../core/fold.ts'
import type { RecordFrame } from '../../core/log.ts'
import type { Appended, RawJson } from '../../core/ports.ts'
import type { Block, BufferPool } from './buffer-pool.ts'

/** Below it two clocks count as one: a difference in every record would cost memory and tell nothing. */
const SKEW_MS = 1000
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const BYTES_A_UNIT = 3

/** One call of `append`, with all work done on it that need not wait for its turn. */
export interface Call extends RecordTimes {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** One an attempt. */
  readonly encoded: EncodedRecords
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** Records one behind the other in a block, which is held for them. */
export interface EncodedRecords {
  readonly block: Block
  readonly start: number
  /** Where each of them ends. */
  readonly ends: readonly number[]
}

/** The time by which ids age, from the wall clock and one that does not jump. */
export function idTime(nowMs: number, steadyMs: number): number {
  const skewMs = Math.round(steadyMs - nowMs)
  return Math.abs(skewMs) < SKEW_MS ? nowMs : nowMs + skewMs
}

/** The records of attempts that were received together: of their own JSON where it is at hand, so that it is copied and not printed again. */
export function encode(
  attempts: readonly AgentAttempt[],
  frame: RecordFrame,
  rawJson: RawJson | undefined,
  pool: BufferPool,
): EncodedRecords {
  // Loops over lists of the length they end with: every attempt pays for them.
  const found = new Array<Uint8Array | string>(attempts.length)
  const framed = frame.before.length + frame.after
  let room = 0
  for (let i = 0; i < attempts.length; i++) {
    const text = rawJsonAt(rawJson, i) ?? JSON.stringify(attempts[i])
    found[i] = text
    room += framed + (typeof text === 'string' ? BYTES_A_UNIT : 1) * text.length
  }
  const block = pool.hold(room)
  const ends = new Array<number>(attempts.length)
  let end = block.used
  for (let i = 0; i < attempts.length; i++) {
    end = putRecord(block.bytes, end, frame, found[i]!)
    ends[i] = end
  }
  const start = block.used
  block.used = end
  return { block, start, ends }
}

function rawJsonAt(rawJson: RawJson | undefined, i: number): Uint8Array | undefined {
  return rawJson?.sources[i]?.subarray(rawJson.starts[i], rawJson.ends[i])
}

function putRecord(bytes: Buffer, start: number, frame: RecordFrame, text: Uint8Array | string): number {
  bytes.set(frame.before, start)
  const textStart = start + frame.before.length
  if (typeof text === 'string') return frame.seal(bytes, start, textStart + bytes.write(text, textStart))
  bytes.set(text, textStart)
  return frame.seal(bytes, start, textStart + text.length)
}

/** A single record in memory of its own. */
export function encodeOne(frame: RecordFrame, json: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(frame.before.length + BYTES_A_UNIT * json.length + frame.after)
  return bytes.subarray(0, putRecord(bytes, 0, frame, json))
}

export function byteLength({ start, ends }: EncodedRecords): number {
  return ends[ends.length - 1]! - start
}

/**
 * The attempts and the times they state. A time without a zone is resolved here, and stored with its zone: another zone at the next start would
 * move it. Throws a TypeError where a timestamp is none.
 */
export function resolveTimes(attempts: readonly AgentAttempt[]): Pick<Call, 'attempts' | 'instants'> {
  const instants = attempts.map(({ timestamp }) => {
    const at = parseTimestamp(timestamp)
    if (at === undefined) throw new TypeError(`not a timestamp: ${timestamp}`)
    return at
  })
  if (!instants.some(({ local }) => local)) return { attempts, instants }
  const resolved = (one: AgentAttempt, at: Instant): AgentAttempt =>
    at.local ? { ...one, timestamp: printTimestamp(at) } : one
  return {
    attempts: attempts.map((one, i) => resolved(one, instants[i]!)),
    instants: instants.map(at => (at.local ? inUtc(at) : at)),
  }
}
