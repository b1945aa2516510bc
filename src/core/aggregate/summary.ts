/**
 * The mergeable part of what is known of many attempts: counts, sums, sums of squares, histograms, calibration bins.
 * `merge(a, b)` of two spans of time equals the summary of both, to the last digit and in any order.
 * It is one row of doubles, so that thousands of them cost little, and are written to disk and read back as they are.
 */
import type { AgentAttempt } from '../attempt/attempt.ts'
import { addExact, mergeExact, stepOf } from './exact-sum.ts'

/** Upper bounds (inclusive) of the duration histogram, in seconds; one more bucket holds what is above them. */
export const DURATION_BOUNDS: readonly number[] = [
  0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8,
]
/** Upper bounds (inclusive) of the confidence histogram, which are the calibration bins too. */
export const CONFIDENCE_BOUNDS: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]

export const TOKEN_TYPES = ['input', 'output', 'cache_read', 'cache_write'] as const

/** What a sender counts itself of a key: attempts and their histograms by result, tokens by type, cost in US dollars. */
export type Measure =
  | { readonly metric: 'attempts' | 'duration' | 'confidence'; readonly of: 'success' | 'failure' }
  | { readonly metric: 'tokens'; readonly of: (typeof TOKEN_TYPES)[number] }
  | { readonly metric: 'cost' }

const DURATION_BUCKETS = DURATION_BOUNDS.length + 1
const CONFIDENCE_BUCKETS = CONFIDENCE_BOUNDS.length

// Where each number stands in the row. Exact sums take two places.
const SUCCESSES = 0
const FAILURES = 1
const FIRST_MS = 2
const LAST_MS = 3
const STATED = 4
const TOKENS = 5
const REPORTED_COSTS = 9
const COMPUTED_COSTS = 10
const POSITIVE_COSTS = 11
const COUNTS_END = 12
const TIME = COUNTS_END
const TIME_SQUARED = TIME + 2
const TIME_OF_FAILURES = TIME + 4
const TIME_OF_SUCCESSES = TIME + 6
const CONFIDENCE = TIME + 8
const CONFIDENCE_OF_FAILURES = TIME + 10
const CONFIDENCE_OF_SUCCESSES = TIME + 12
const CONFIDENCE_SQUARED = TIME + 14
const CONFIDENCE_VARIANCE = TIME + 16
const COST = TIME + 18
const COST_SQUARED = TIME + 20
const LOG_COST = TIME + 22
const LOG_COST_SQUARED = TIME + 24
const CONFIDENCE_BY_BIN = TIME + 26
const SUMS_END = CONFIDENCE_BY_BIN + 2 * CONFIDENCE_BUCKETS
const DURATION_OF_FAILURES = SUMS_END
const DURATION_OF_SUCCESSES = DURATION_OF_FAILURES + DURATION_BUCKETS
const BINS_OF_FAILURES = DURATION_OF_SUCCESSES + DURATION_BUCKETS
const BINS_OF_SUCCESSES = BINS_OF_FAILURES + CONFIDENCE_BUCKETS
const BINS_END = BINS_OF_SUCCESSES + CONFIDENCE_BUCKETS
// What senders counted themselves, apart from what is only known of attempts that were seen one by one: squares, bins of calibration.
const COUNTED_TIME_OF_FAILURES = BINS_END
const COUNTED_TIME_OF_SUCCESSES = BINS_END + 2
const COUNTED_CONFIDENCE_OF_FAILURES = BINS_END + 4
const COUNTED_CONFIDENCE_OF_SUCCESSES = BINS_END + 6
const COUNTED_COST = BINS_END + 8
const COUNTED_SUMS_END = BINS_END + 10
/** Times in the duration histogram whose squares are not known. */
const COUNTED_TIMES = COUNTED_SUMS_END
/** Attempts less times: 0 where every attempt was seen, below 0 where a sender counts times and no attempts. */
const UNTIMED = COUNTED_TIMES + 1
const COUNTED_BINS_OF_FAILURES = UNTIMED + 1
const COUNTED_BINS_OF_SUCCESSES = COUNTED_BINS_OF_FAILURES + CONFIDENCE_BUCKETS

/** Times and logarithms of costs: exact up to 2^39 s, 17,000 years. */
const SECONDS = stepOf(-66)
/** Confidences and costs: exact up to 2^29, half a billion attempts or dollars. */
const PARTS = stepOf(-76)
/** Squares of times, costs and logarithms, which only spreads are worked out from: exact up to 2^47. */
const SQUARES = stepOf(-58)

/** How many doubles a summary is. It and the order inside are part of the checkpoint's format: new ones stand behind all others. */
export const SUMMARY_WIDTH: number = COUNTED_BINS_OF_SUCCESSES + CONFIDENCE_BUCKETS

/** A row of {@link SUMMARY_WIDTH} doubles; read it with the functions here. */
export type Summary = Float64Array

/** The summary of no attempts, in `row` where one is given. */
export function createSummary(row: Float64Array = new Float64Array(SUMMARY_WIDTH)): Summary {
  row.fill(0)
  row[FIRST_MS] = Number.POSITIVE_INFINITY
  row[LAST_MS] = Number.NEGATIVE_INFINITY
  return row
}

/** Rows that are allocated together: about 70 KB. */
const SLAB_ROWS = 64

/** A slab allocator: answers rows for one summary each, side by side. One of tens of thousands costs less than a buffer of its own. */
export function createSummarySlab(): () => Float64Array {
  let rows = new ArrayBuffer(0)
  let taken = SLAB_ROWS
  return () => {
    if (taken === SLAB_ROWS) {
      rows = new ArrayBuffer(SLAB_ROWS * SUMMARY_WIDTH * 8)
      taken = 0
    }
    return new Float64Array(rows, taken++ * SUMMARY_WIDTH * 8, SUMMARY_WIDTH)
  }
}

/** Counts one attempt that ended at `ms` (since the epoch). */
export function addAttempt(summary: Summary, attempt: AgentAttempt, ms: number): void {
  const { success, time_seconds: time, confidence } = attempt
  summary[success ? SUCCESSES : FAILURES]! += 1
  if (ms < summary[FIRST_MS]!) summary[FIRST_MS] = ms
  if (ms > summary[LAST_MS]!) summary[LAST_MS] = ms
  addExact(summary, TIME, time, SECONDS)
  addExact(summary, TIME_SQUARED, time * time, SQUARES)
  addExact(summary, success ? TIME_OF_SUCCESSES : TIME_OF_FAILURES, time, SECONDS)
  summary[(success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES) + bucketOf(DURATION_BOUNDS, time)]! += 1
  if (typeof confidence === 'number') addConfidence(summary, success, confidence)
  addTokens(summary, attempt)
  addCost(summary, attempt)
}

function addConfidence(summary: Summary, success: boolean, confidence: number): void {
  const bin = Math.min(bucketOf(CONFIDENCE_BOUNDS, confidence), CONFIDENCE_BUCKETS - 1)
  summary[STATED]! += 1
  summary[(success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES) + bin]! += 1
  addExact(summary, CONFIDENCE, confidence, PARTS)
  addExact(summary, success ? CONFIDENCE_OF_SUCCESSES : CONFIDENCE_OF_FAILURES, confidence, PARTS)
  addExact(summary, CONFIDENCE_SQUARED, confidence * confidence, PARTS)
  addExact(summary, CONFIDENCE_VARIANCE, (1 - 2 * confidence) ** 2 * confidence * (1 - confidence), PARTS)
  addExact(summary, CONFIDENCE_BY_BIN + 2 * bin, confidence, PARTS)
}

function addTokens(summary: Summary, attempt: AgentAttempt): void {
  if (attempt.input_tokens !== undefined) summary[TOKENS]! += attempt.input_tokens
  if (attempt.output_tokens !== undefined) summary[TOKENS + 1]! += attempt.output_tokens
  if (attempt.cache_read_tokens !== undefined) summary[TOKENS + 2]! += attempt.cache_read_tokens
  if (attempt.cache_write_tokens !== undefined) summary[TOKENS + 3]! += attempt.cache_write_tokens
}

function addCost(summary: Summary, attempt: AgentAttempt): void {
  const cost = attempt.cost_usd ?? attempt.computed_cost_usd
  if (cost === undefined) return
  summary[attempt.cost_usd === undefined ? COMPUTED_COSTS : REPORTED_COSTS]! += 1
  addExact(summary, COST, cost, PARTS)
  addExact(summary, COST_SQUARED, cost * cost, SQUARES)
  if (cost <= 0) return
  const log = Math.log(cost)
  summary[POSITIVE_COSTS]! += 1
  addExact(summary, LOG_COST, log, SECONDS)
  addExact(summary, LOG_COST_SQUARED, log * log, SQUARES)
}

/**
 * Counts attempts of which only totals and averages are left (the older part of an adopted file). They count in totals
 * and averages, and in no histogram, calibration or sum of squares: nothing is made up for them.
 */
export function addAverages(
  summary: Summary,
  totals: { successes: number; failures: number; time_seconds: number; stated: number; confidence: number },
): void {
  summary[SUCCESSES]! += totals.successes
  summary[FAILURES]! += totals.failures
  summary[STATED]! += totals.stated
  addExact(summary, TIME, totals.time_seconds, SECONDS)
  addExact(summary, CONFIDENCE, totals.confidence, PARTS)
}

/**
 * Counts what a sender counted itself: `values` is the new value of a counter, or of a histogram its count, sum and buckets. It counts
 * in totals, averages and histograms; and not in calibration, nor in any interval of a mean, which take attempts one by one.
 */
export function addCounted(summary: Summary, measure: Measure, values: readonly number[], ms: number): void {
  const [value = 0, sum = 0, ...buckets] = values
  switch (measure.metric) {
    case 'attempts':
      summary[measure.of === 'success' ? SUCCESSES : FAILURES]! += value
      summary[UNTIMED]! += value
      if (ms < summary[FIRST_MS]!) summary[FIRST_MS] = ms
      if (ms > summary[LAST_MS]!) summary[LAST_MS] = ms
      return
    case 'duration':
      summary[UNTIMED]! -= value
      addExact(summary, TIME, sum, SECONDS)
      addCountedTimes(summary, measure.of === 'success', sum, buckets)
      return
    case 'confidence':
      summary[STATED]! += value
      addExact(summary, CONFIDENCE, sum, PARTS)
      addCountedConfidences(summary, measure.of === 'success', sum, buckets)
      return
    case 'tokens':
      summary[TOKENS + TOKEN_TYPES.indexOf(measure.of)]! += value
      return
    case 'cost':
      addExact(summary, COUNTED_COST, value, PARTS)
  }
}

function addCountedTimes(summary: Summary, success: boolean, sum: number, buckets: readonly number[]): void {
  if (buckets.length === 0) return
  const from = success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES
  for (const [i, count] of buckets.entries()) {
    summary[from + i]! += count
    summary[COUNTED_TIMES]! += count
  }
  addExact(summary, success ? COUNTED_TIME_OF_SUCCESSES : COUNTED_TIME_OF_FAILURES, sum, SECONDS)
}

function addCountedConfidences(summary: Summary, success: boolean, sum: number, buckets: readonly number[]): void {
  if (buckets.length === 0) return
  const from = success ? COUNTED_BINS_OF_SUCCESSES : COUNTED_BINS_OF_FAILURES
  // Nothing is above 1: the bucket for it can only hold what rounding put there.
  for (const [i, count] of buckets.entries()) summary[from + Math.min(i, CONFIDENCE_BUCKETS - 1)]! += count
  addExact(summary, success ? COUNTED_CONFIDENCE_OF_SUCCESSES : COUNTED_CONFIDENCE_OF_FAILURES, sum, PARTS)
}

/** Adds all that `other` counted to `summary`. */
export function mergeInto(summary: Summary, other: Summary): void {
  for (let i = 0; i < COUNTS_END; i++) {
    if (i === FIRST_MS) summary[i] = Math.min(summary[i]!, other[i]!)
    else if (i === LAST_MS) summary[i] = Math.max(summary[i]!, other[i]!)
    else summary[i]! += other[i]!
  }
  for (let i = COUNTS_END; i < SUMS_END; i += 2) if (other[i] !== 0) mergeExact(summary, other, i)
  for (let i = SUMS_END; i < BINS_END; i++) summary[i]! += other[i]!
  for (let i = BINS_END; i < COUNTED_SUMS_END; i += 2) if (other[i] !== 0) mergeExact(summary, other, i)
  for (let i = COUNTED_SUMS_END; i < SUMMARY_WIDTH; i++) summary[i]! += other[i]!
}

/** The summary of everything that any of `summaries` counted. */
export function merge(...summaries: readonly Summary[]): Summary {
  const all = createSummary()
  for (const summary of summaries) mergeInto(all, summary)
  return all
}

function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0
  while (bucket < bounds.length && value > bounds[bucket]!) bucket++
  return bucket
}

export const totalAttempts = (s: Summary): number => s[SUCCESSES]! + s[FAILURES]!
export const successes = (s: Summary): number => s[SUCCESSES]!
export const failures = (s: Summary): number => s[FAILURES]!

/** Successes in percent of all attempts, 0 to 100; 0 where there are none, as documented. */
export function successRate(s: Summary): number {
  const total = totalAttempts(s)
  return total === 0 ? 0 : (s[SUCCESSES]! / total) * 100
}

/** Attempts that stated a confidence. */
export const statedConfidences = (s: Summary): number => s[STATED]!
export const confidenceSum = (s: Summary): number => s[CONFIDENCE]!
export const timeSum = (s: Summary): number => s[TIME]!
/** Attempts whose time is known: all of them, but where a sender counts itself and says more or less of times than of attempts. */
export const timedAttempts = (s: Summary): number => totalAttempts(s) - s[UNTIMED]!

/** Mean stated confidence, 0 to 1; null where none was stated. */
export function averageConfidence(s: Summary): number | null {
  return s[STATED] === 0 ? null : s[CONFIDENCE]! / s[STATED]!
}

/** Mean of the known times in seconds; 0 where there is none, as documented. */
export function averageTime(s: Summary): number {
  const timed = timedAttempts(s)
  return timed > 0 ? s[TIME]! / timed : 0
}

/** Milliseconds since the epoch of the earliest and latest attempt; undefined where there is none, or none with a known time. */
export function span(s: Summary): { readonly firstMs: number; readonly lastMs: number } | undefined {
  return Number.isFinite(s[LAST_MS]) ? { firstMs: s[FIRST_MS]!, lastMs: s[LAST_MS]! } : undefined
}

/** Tokens in the order of {@link TOKEN_TYPES}. */
export const tokens = (s: Summary): readonly number[] => [s[TOKENS]!, s[TOKENS + 1]!, s[TOKENS + 2]!, s[TOKENS + 3]!]

/** What attempts cost in US dollars: how many reported it, how many had it computed, and sums over both. */
export interface CostSums {
  readonly reported: number
  readonly computed: number
  readonly sum: number
  readonly sum_of_squares: number
  /** Costs above zero, and the sums of their natural logarithms. */
  readonly positive: number
  readonly log_sum: number
  readonly log_sum_of_squares: number
}

/** All costs in US dollars: those of single attempts, and those that senders added up themselves. */
export const totalCost = (s: Summary): number => s[COST]! + s[COUNTED_COST]!

export function costs(s: Summary): CostSums {
  return {
    reported: s[REPORTED_COSTS]!,
    computed: s[COMPUTED_COSTS]!,
    sum: s[COST]!,
    sum_of_squares: s[COST_SQUARED]!,
    positive: s[POSITIVE_COSTS]!,
    log_sum: s[LOG_COST]!,
    log_sum_of_squares: s[LOG_COST_SQUARED]!,
  }
}

/** Buckets (not cumulative), their count and their sum. */
export interface Histogram {
  readonly counts: Float64Array | readonly number[]
  readonly count: number
  readonly sum: number
}

/** Durations in seconds of failed or successful attempts, by {@link DURATION_BOUNDS}. */
export function durations(s: Summary, success: boolean): Histogram {
  const from = success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES
  const counts = s.subarray(from, from + DURATION_BUCKETS)
  const counted = s[success ? COUNTED_TIME_OF_SUCCESSES : COUNTED_TIME_OF_FAILURES]!
  return { counts, count: sumOf(counts), sum: s[success ? TIME_OF_SUCCESSES : TIME_OF_FAILURES]! + counted }
}

/** Stated confidences of failed or successful attempts, by {@link CONFIDENCE_BOUNDS}. */
export function confidences(s: Summary, success: boolean): Histogram {
  const seen = seenConfidences(s, success)
  const from = success ? COUNTED_BINS_OF_SUCCESSES : COUNTED_BINS_OF_FAILURES
  // A plain array: memory of its own would cost a small typed one more than all else here.
  const counts: number[] = []
  for (let bin = 0; bin < CONFIDENCE_BUCKETS; bin++) counts.push(seen.counts[bin]! + s[from + bin]!)
  const counted = s[success ? COUNTED_CONFIDENCE_OF_SUCCESSES : COUNTED_CONFIDENCE_OF_FAILURES]!
  return { counts, count: sumOf(counts), sum: seen.sum + counted }
}

/** Those of attempts that were seen one by one. */
function seenConfidences(s: Summary, success: boolean): Histogram {
  const from = success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES
  const counts = s.subarray(from, from + CONFIDENCE_BUCKETS)
  return { counts, count: sumOf(counts), sum: s[success ? CONFIDENCE_OF_SUCCESSES : CONFIDENCE_OF_FAILURES]! }
}

/** Times in seconds of the attempts that were seen one by one: for an interval of the mean. */
export function timeSums(s: Summary): { readonly n: number; readonly sum: number; readonly sum_of_squares: number } {
  return {
    n: durations(s, false).count + durations(s, true).count - s[COUNTED_TIMES]!,
    sum: s[TIME_OF_FAILURES]! + s[TIME_OF_SUCCESSES]!,
    sum_of_squares: s[TIME_SQUARED]!,
  }
}

/** The additive sums behind every calibration measure, over attempts that were seen with a stated confidence c. */
export interface CalibrationSums {
  readonly n: number
  readonly successes: number
  readonly confidence: number
  readonly confidence_squared: number
  /** Sum of c over the successes. */
  readonly confidence_of_successes: number
  /** Sum of (1 - 2c)^2 c (1 - c): the variance in Spiegelhalter's z. */
  readonly spiegelhalter_variance: number
  readonly bins: readonly { readonly n: number; readonly successes: number; readonly confidence: number }[]
}

export function calibrationSums(s: Summary): CalibrationSums {
  const failed = seenConfidences(s, false)
  const succeeded = seenConfidences(s, true)
  return {
    n: failed.count + succeeded.count,
    successes: succeeded.count,
    confidence: failed.sum + succeeded.sum,
    confidence_squared: s[CONFIDENCE_SQUARED]!,
    confidence_of_successes: succeeded.sum,
    spiegelhalter_variance: s[CONFIDENCE_VARIANCE]!,
    bins: CONFIDENCE_BOUNDS.map((_, bin) => ({
      n: failed.counts[bin]! + succeeded.counts[bin]!,
      successes: succeeded.counts[bin]!,
      confidence: s[CONFIDENCE_BY_BIN + 2 * bin]!,
    })),
  }
}

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i]!
  return sum
}
