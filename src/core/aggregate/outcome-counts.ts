/**
 * What became of attempts after they were recorded, as one row of doubles beside a summary: reported and verified results, pending attempts, the
 * time until the first outcome, and corrections. Only summaries with a pending attempt or an outcome have one. All numbers but the first and the last
 * time add up exactly.
 */
import { addExact, mergeExact, stepOf } from './exact-sum.ts'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from './histogram-bounds.ts'

/** Upper bounds (inclusive) of the times to the first outcome of an attempt, in seconds: 1 second to 97 days. One more bucket counts larger values. */
export const DELAY_BOUNDS: readonly number[] = Array.from({ length: 24 }, (_, i) => 2 ** i)

/** The fields of a row, in order. A change of a field changes the fingerprint of a snapshot. */
const FIELDS = [
  // Attempts with an outcome, by reported and by verified result. Failure first.
  ['reported_verified', 4],
  // Attempts that were pending, by verified result.
  ['unreported_verified', 2],
  ['pending', 1],
  // Corrections of a result that counted, to failure and to success. They never decrease.
  ['corrections', 2],
  // The same of attempts that stated a confidence.
  ['confident_corrections', 2],
  // Times from the end of an attempt to its first outcome.
  ['delays', DELAY_BOUNDS.length + 1],
  // Corrections to success minus those to failure: attempts, and their times and confidences.
  ['net', 1],
  ['net_time', 2],
  ['net_confidence', 2],
  ['net_durations', DURATION_BOUNDS.length + 1],
  ['net_confidences', CONFIDENCE_BOUNDS.length],
  // The first and the last time of attempts that were recorded without a result, in milliseconds since the epoch. 0 if there are none.
  ['unreported_times', 2],
] as const

type FieldName = (typeof FIELDS)[number][0]

const positions = new Map<string, number>()
let width = 0
for (const [name, size] of FIELDS) {
  positions.set(name, width)
  width += size
}
const at = (name: FieldName): number => positions.get(name)!

const TABLE = at('reported_verified')
const UNREPORTED = at('unreported_verified')
const PENDING = at('pending')
const CORRECTIONS = at('corrections')
const DELAYS = at('delays')
const NET = at('net')
const NET_TIME = at('net_time')
const NET_CONFIDENCE = at('net_confidence')
const NET_DURATIONS = at('net_durations')
const NET_CONFIDENCES = at('net_confidences')
const CONFIDENT_CORRECTIONS = at('confident_corrections')
const UNREPORTED_TIMES = at('unreported_times')

/** The number of doubles of a row. */
export const OUTCOME_WIDTH: number = width

/** The meaning of stored rows. */
export const OUTCOME_LAYOUT: string = JSON.stringify([FIELDS, DELAY_BOUNDS])

/** The number of buckets of the histogram of delays. */
export const DELAY_BUCKETS: number = DELAY_BOUNDS.length + 1

/** A row of {@link OUTCOME_WIDTH} doubles. Read it only with the functions of this module. */
export type OutcomeCounts = Float64Array

/** The row of no attempts. */
export const createOutcomeCounts = (): OutcomeCounts => new Float64Array(OUTCOME_WIDTH)

/** Steps of the exact sums: those of the same sums in a summary. */
const SECONDS = stepOf(-66)
const PARTS = stepOf(-76)

const placeIn = (reported: boolean | undefined, verified: boolean): number =>
  reported === undefined ? UNREPORTED + Number(verified) : TABLE + 2 * Number(reported) + Number(verified)

/** Counts an attempt without a result that ended at `ms` (since the epoch). */
export function countPending(counts: OutcomeCounts, ms: number): void {
  counts[PENDING]! += 1
  extendTimes(counts, ms, ms)
}

/** 0 stands for no time, so that the row of no attempts is all 0. */
function extendTimes(counts: OutcomeCounts, firstMs: number, lastMs: number): void {
  const [first, last] = [counts[UNREPORTED_TIMES]!, counts[UNREPORTED_TIMES + 1]!]
  if (firstMs !== 0) counts[UNREPORTED_TIMES] = first === 0 ? firstMs : Math.min(first, firstMs)
  if (lastMs !== 0) counts[UNREPORTED_TIMES + 1] = last === 0 ? lastMs : Math.max(last, lastMs)
}

/** Counts the first outcome of an attempt, `delayMs` after its end. `reported` is undefined for a pending attempt. */
export function countFirstOutcome(
  counts: OutcomeCounts,
  reported: boolean | undefined,
  verified: boolean,
  delayMs: number,
): void {
  counts[placeIn(reported, verified)]! += 1
  // A bucket that was evicted and a coarser one may not have counted the pending attempt.
  if (reported === undefined && counts[PENDING]! > 0) counts[PENDING]! -= 1
  let bucket = 0
  while (bucket < DELAY_BOUNDS.length && delayMs > DELAY_BOUNDS[bucket]! * 1000) bucket++
  counts[DELAYS + bucket]! += 1
}

/** Moves an attempt whose outcome was `before` to `verified`. */
export function countNextOutcome(counts: OutcomeCounts, reported: boolean | undefined, verified: boolean): void {
  counts[placeIn(reported, !verified)]! -= 1
  counts[placeIn(reported, verified)]! += 1
}

/** What a correction moves from one result to the other: the time of the attempt in seconds, its confidence, and their buckets. */
export interface Moved {
  readonly time: number
  readonly duration: number
  /** Undefined if none was stated. */
  readonly confidence: number | undefined
  readonly bin: number
}

/** Counts a correction of a result that counted to `success`. */
export function countCorrection(
  counts: OutcomeCounts,
  success: boolean,
  { time, duration, confidence, bin }: Moved,
): void {
  const sign = success ? 1 : -1
  counts[CORRECTIONS + Number(success)]! += 1
  counts[NET]! += sign
  addExact(counts, NET_TIME, sign * time, SECONDS)
  counts[NET_DURATIONS + duration]! += sign
  if (confidence === undefined) return
  counts[CONFIDENT_CORRECTIONS + Number(success)]! += 1
  addExact(counts, NET_CONFIDENCE, sign * confidence, PARTS)
  counts[NET_CONFIDENCES + bin]! += sign
}

/** Adds the counts of `other` to `counts`. */
export function mergeOutcomeCounts(counts: OutcomeCounts, other: OutcomeCounts): void {
  for (let i = 0; i < NET_TIME; i++) counts[i]! += other[i]!
  mergeExact(counts, other, NET_TIME)
  mergeExact(counts, other, NET_CONFIDENCE)
  for (let i = NET_DURATIONS; i < UNREPORTED_TIMES; i++) counts[i]! += other[i]!
  extendTimes(counts, other[UNREPORTED_TIMES]!, other[UNREPORTED_TIMES + 1]!)
}

/** Attempts by reported and verified result. */
export interface VerifiedCounts {
  /** Attempts with an outcome that also reported a result: by what they reported and what was verified. */
  readonly both_failed: number
  readonly over_claimed: number
  readonly under_claimed: number
  readonly both_succeeded: number
  /** Attempts with an outcome that reported no result, and the successes among them. */
  readonly unreported: number
  readonly unreported_successes: number
  readonly pending: number
}

export function verifiedCounts(counts: OutcomeCounts): VerifiedCounts {
  return {
    both_failed: counts[TABLE]!,
    under_claimed: counts[TABLE + 1]!,
    over_claimed: counts[TABLE + 2]!,
    both_succeeded: counts[TABLE + 3]!,
    unreported: counts[UNREPORTED]! + counts[UNREPORTED + 1]!,
    unreported_successes: counts[UNREPORTED + 1]!,
    pending: counts[PENDING]!,
  }
}

/** Attempts with an outcome. */
export function verifiedAttempts(counts: OutcomeCounts): number {
  let sum = 0
  for (let i = TABLE; i < UNREPORTED + 2; i++) sum += counts[i]!
  return sum
}

export const pendingAttempts = (counts: OutcomeCounts): number => counts[PENDING]!

/** The histogram of the times to the first outcome, by `DELAY_BOUNDS`. Live. */
export const delaysOf = (counts: OutcomeCounts): Float64Array => counts.subarray(DELAYS, DELAYS + DELAY_BUCKETS)

/** Corrections of a result that counted, to `success`. Never decreases. */
export const correctionsTo = (counts: OutcomeCounts, success: boolean): number => counts[CORRECTIONS + Number(success)]!

/** {@link correctionsTo} of attempts that stated a confidence. */
export const confidentCorrectionsTo = (counts: OutcomeCounts, success: boolean): number =>
  counts[CONFIDENT_CORRECTIONS + Number(success)]!

/**
 * The first and the last time of attempts that were recorded without a result, whether or not they are decided by now, in milliseconds since the
 * epoch. Undefined if there are none.
 */
export function unreportedSpan(
  counts: OutcomeCounts,
): { readonly firstMs: number; readonly lastMs: number } | undefined {
  const [firstMs, lastMs] = [counts[UNREPORTED_TIMES]!, counts[UNREPORTED_TIMES + 1]!]
  return firstMs === 0 && lastMs === 0 ? undefined : { firstMs, lastMs }
}

/** Corrections to success minus those to failure, for a summary: see `firstCounted`. */
export interface NetCorrections {
  readonly attempts: number
  /** Rows of two doubles: exact sums. */
  readonly time: Float64Array
  readonly confidence: Float64Array
  readonly durations: Float64Array
  readonly confidences: Float64Array
}

export function netCorrections(counts: OutcomeCounts): NetCorrections {
  return {
    attempts: counts[NET]!,
    time: counts.subarray(NET_TIME, NET_TIME + 2),
    confidence: counts.subarray(NET_CONFIDENCE, NET_CONFIDENCE + 2),
    durations: counts.subarray(NET_DURATIONS, NET_CONFIDENCES),
    confidences: counts.subarray(NET_CONFIDENCES, UNREPORTED_TIMES),
  }
}
