/** A call of `append` before it is part of a group. It is encoded on arrival, so that the work of a group is spread over time. */
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import { inUtc } from '../../core/attempt/defaults.ts'
import { type Instant, parseTimestamp, printTimestamp } from '../../core/attempt/timestamp.ts'
import type { RecordTimes } from '../../core/fold.ts'
import type { RecordFrame } from '../../core/log.ts'
import type { Appended, RawJson } from '../../core/ports.ts'
import type { Block, BufferPool } from './buffer-pool.ts'

/** A smaller difference of the two clocks is ignored: storing it in every record would cost memory without a benefit. */
const SKEW_MS = 1000
/** UTF-8 needs at most three bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3

/** One call of `append`, with the results of all work that is independent of other calls. */
export interface Call extends RecordTimes {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** One record per attempt. */
  readonly encoded: EncodedRecords
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** Adjacent records in a block of the pool. The block stays in use until it is released. */
export interface EncodedRecords {
  readonly block: Block
  readonly start: number
  /** The end offset of each record. */
  readonly ends: readonly number[]
}

/** The time by which ids age, computed from the wall clock and a monotonic clock. */
export function idTime(nowMs: number, steadyMs: number): number {
  const skewMs = Math.round(steadyMs - nowMs)
  return Math.abs(skewMs) < SKEW_MS ? nowMs : nowMs + skewMs
}

/**
 * Encodes attempts that were received together. Copies the received JSON of an attempt if it is available, instead of serializing it again.
 */
export function encode(
  attempts: readonly AgentAttempt[],
  frame: RecordFrame,
  rawJson: RawJson | undefined,
  pool: BufferPool,
): EncodedRecords {
  // Index loops over preallocated arrays, because this runs for every attempt.
  const found = new Array<Uint8Array | string>(attempts.length)
  const framed = frame.before.length + frame.after
  let room = 0
  for (let i = 0; i < attempts.length; i++) {
    const text = rawJsonAt(rawJson, i) ?? JSON.stringify(attempts[i])
    found[i] = text
    room += framed + (typeof text === 'string' ? BYTES_PER_UNIT : 1) * text.length
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

/** Encodes a single record in a separate buffer. */
export function encodeOne(frame: RecordFrame, json: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(frame.before.length + BYTES_PER_UNIT * json.length + frame.after)
  return bytes.subarray(0, putRecord(bytes, 0, frame, json))
}

/** Encodes records one after the other, in `into` if it is large enough. */
export function encodeAll(frame: RecordFrame, texts: readonly string[], into: Buffer): Buffer {
  const framed = frame.before.length + frame.after
  const room = texts.reduce((sum, { length }) => sum + framed + BYTES_PER_UNIT * length, 0)
  const bytes = room <= into.length ? into : Buffer.allocUnsafeSlow(room)
  let end = 0
  for (const text of texts) end = putRecord(bytes, end, frame, text)
  return bytes.subarray(0, end)
}

export function byteLength({ start, ends }: EncodedRecords): number {
  return ends[ends.length - 1]! - start
}

/**
 * The attempts and the instants of their timestamps. A timestamp without a zone is resolved here and stored in UTC: after a restart in
 * another zone it would mean another instant. Throws a TypeError if a timestamp is invalid.
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
