/**
 * A mergeable summary of many attempts: counts, sums, sums of squares, histograms, calibration bins. `merge(a, b)` of two spans of time
 * equals the summary of both, exactly and in any order. A summary is one row of doubles. Thousands of rows therefore cost little, and are
 * written to disk and read back without conversion.
 *
 * The layout: the fields are declared once, in order. Positions and the width follow from the declarations. Snapshots contain the names and
 * sizes of the fields, so that rows of another layout are read field by field.
 *
 * The file is long because the positions are constants of one module. Importing them from another module makes counting an attempt an
 * eighth slower.
 */
import type { AgentAttempt, DecidedAttempt } from '../attempt/attempt.ts'
import {
  addPacked,
  hasPacked,
  mergePacked,
  movePacked,
  PACKED_WIDTH,
  packedBinOf,
  unpack,
  unpackTenths,
} from './confidence-bins.ts'
import type { ConfidenceCells } from './confidence-cells.ts'
import {
  addExact,
  addExactSquare,
  addRounded,
  type ExactSum,
  exactSumAt,
  mergeExact,
  roundToStep,
  type Step,
  squaredDeviations,
  squareError,
  stepOf,
  sumOfExact,
} from './exact-sum.ts'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from './histogram-bounds.ts'
import {
  countCorrection,
  createOutcomeCounts,
  mergeOutcomeCounts,
  netCorrections,
  type OutcomeCounts,
  pendingAttempts,
  unreportedSpan,
} from './outcome-counts.ts'
import { addTask, copyTasks, createTaskSketch, mergeTasks, moveTask, type TaskSketch } from './task-sketch.ts'

/** A histogram whose bounds some fields use. */
export type Histogrammed = 'duration' | 'confidence'

/** A group of fields that have a meaning only together, such as sums of squares and the count they are divided by. */
export type FieldGroup = Histogrammed | 'cost'

/** A field of a summary. */
export interface SummaryField {
  readonly name: string
  /** The number of doubles. */
  readonly size: number
  readonly group?: FieldGroup | undefined
}

const fields: SummaryField[] = []
let width = 0

/** Declares the next field. Returns its position. */
function field(name: string, size: number, group?: FieldGroup): number {
  fields.push({ name, size, group })
  width += size
  return width - size
}

/** An exact sum: two doubles. */
const exact = (name: string, group?: FieldGroup): number => field(name, 2, group)

export const TOKEN_TYPES = ['input', 'output', 'cache_read', 'cache_write'] as const

const DURATION_BUCKETS = DURATION_BOUNDS.length + 1
const CONFIDENCE_BUCKETS = CONFIDENCE_BOUNDS.length

// Counts and times of single attempts.
const SUCCESSES = field('successes', 1)
const FAILURES = field('failures', 1)
const FIRST_MS = field('first_ms', 1)
const LAST_MS = field('last_ms', 1)
const STATED = field('stated', 1)
const TOKENS = field('tokens', TOKEN_TYPES.length)
const REPORTED_COSTS = field('reported_costs', 1, 'cost')
const COMPUTED_COSTS = field('computed_costs', 1, 'cost')
const POSITIVE_COSTS = field('positive_costs', 1, 'cost')
const POSITIVE_TIMES = field('positive_times', 1, 'duration')
// Sums of rounded logarithms: a double holds them exactly.
const LOG_COST = field('log_cost', 1, 'cost')
const LOG_COST_SQUARED = field('log_cost_squared', 1, 'cost')
const LOG_TIME = field('log_time', 1, 'duration')
const LOG_TIME_SQUARED = field('log_time_squared', 1, 'duration')
const COUNTS_END = width

// Exact sums. Squares and sums by result are in the group of the histogram whose count they are divided by.
const TIME = exact('time')
const TIME_SQUARED = exact('time_squared', 'duration')
const TIME_OF_FAILURES = exact('time_of_failures', 'duration')
const TIME_OF_SUCCESSES = exact('time_of_successes', 'duration')
const CONFIDENCE = exact('confidence')
const CONFIDENCE_OF_SUCCESSES = exact('confidence_of_successes', 'confidence')
const CONFIDENCE_SQUARED = exact('confidence_squared', 'confidence')
const CONFIDENCE_VARIANCE = exact('confidence_variance', 'confidence')
const COST = exact('cost', 'cost')
const COST_SQUARED = exact('cost_squared', 'cost')
const CONFIDENCE_BY_BIN = field('confidence_by_bin', 2 * CONFIDENCE_BUCKETS, 'confidence')
const SUMS_END = width

// Histograms.
const DURATION_OF_FAILURES = field('duration_of_failures', DURATION_BUCKETS, 'duration')
const DURATION_OF_SUCCESSES = field('duration_of_successes', DURATION_BUCKETS, 'duration')
const BINS_OF_FAILURES = field('bins_of_failures', CONFIDENCE_BUCKETS, 'confidence')
const BINS_OF_SUCCESSES = field('bins_of_successes', CONFIDENCE_BUCKETS, 'confidence')
const BINS_END = width

// Values that senders counted themselves. Separate, because squares and calibration bins exist only for single attempts.
const COUNTED_TIME_OF_FAILURES = exact('counted_time_of_failures', 'duration')
const COUNTED_TIME_OF_SUCCESSES = exact('counted_time_of_successes', 'duration')
const COUNTED_CONFIDENCE_OF_FAILURES = exact('counted_confidence_of_failures', 'confidence')
const COUNTED_CONFIDENCE_OF_SUCCESSES = exact('counted_confidence_of_successes', 'confidence')
const COUNTED_COST = exact('counted_cost')
const COUNTED_SUMS_END = width
/** Times in the duration histogram whose squares are unknown. */
const COUNTED_TIMES = field('counted_times', 1, 'duration')
/** Attempts minus times. 0 if all attempts were received one by one. Below 0 if a sender counts times but not attempts. */
const UNTIMED = field('untimed', 1)
const PLAIN_END = width
/** Confidences of attempts that were received one by one, for calibration. In bins of width 0.01, or in wider ones if there are many. */
const CONFIDENCE_CELLS = field('confidence_cells', PACKED_WIDTH, 'confidence')

/** The number of doubles of a summary. */
export const SUMMARY_WIDTH: number = width

/** All fields in their order. */
export const SUMMARY_FIELDS: readonly SummaryField[] = fields

/** A measure of a key that a sender counts itself: attempts and their histograms by result, tokens by type, cost in US dollars. */
export type Measure =
  | { readonly metric: 'attempts' | 'duration' | 'confidence'; readonly of: 'success' | 'failure' }
  | { readonly metric: 'tokens'; readonly of: (typeof TOKEN_TYPES)[number] }
  | { readonly metric: 'cost' }

/** Times: exact up to 2^39 s, 17,000 years. */
const SECONDS = stepOf(-66)
/** Confidences and costs: exact up to 2^29, half a billion attempts or dollars. */
const PARTS = stepOf(-76)
/** Squares of times, used only to compute spreads: exact up to 2^39, half a million attempts of 1,000 s. */
const TIME_SQUARES = stepOf(-66)
/** Squares of costs: exact up to 2^25, 33 million attempts of one dollar. */
const COST_SQUARES = stepOf(-80)
/** Logarithms are rounded to a thousandth, so that sums of their squares are exact up to 2^33: 16 million attempts at least. */
const LOG_STEPS = 1024
/** Logarithms of costs and times are clamped to this absolute value: amounts from 1e-10 to 1e10. */
const MAX_LOG = 23

/** A row of {@link SUMMARY_WIDTH} doubles. Read it only with the functions of this module. */
export interface Summary extends Float64Array {
  /** The tasks of the attempts that state one. Set with the first such attempt, so that other summaries take no memory for it. */
  tasks?: TaskSketch | undefined
  /** What became of its attempts later. Set with the first pending attempt or outcome, so that other summaries take no memory for it. */
  outcomes?: Outcomes | undefined
}

/** The outcomes of the attempts of a summary, which itself counts the latest result of each. */
export interface Outcomes {
  readonly counts: OutcomeCounts
  /** Only attempts with an outcome. Undefined if there are none. */
  verified: Summary | undefined
  /** Only attempts that reported a result, by that result. Undefined while it equals the summary itself. */
  reported: Summary | undefined
}

/** The summary of no attempts, in `row` if it is given. */
export function createSummary(row: Summary = new Float64Array(SUMMARY_WIDTH)): Summary {
  row.fill(0)
  if (row.tasks !== undefined) row.tasks = undefined
  if (row.outcomes !== undefined) row.outcomes = undefined
  row[FIRST_MS] = Number.POSITIVE_INFINITY
  row[LAST_MS] = Number.NEGATIVE_INFINITY
  return row
}

/** Rows that are allocated together: about 70 KB. */
const SLAB_ROWS = 64

/**
 * A slab allocator: returns adjacent rows for one summary each. For tens of thousands of summaries, this costs less than a buffer for each.
 */
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

/** The outcomes of a summary. Adds them if it has none. */
export function outcomesOf(summary: Summary): Outcomes {
  if (summary.outcomes === undefined) {
    // Always after the tasks: V8 reads objects of few shapes several times as fast.
    if (summary.tasks === undefined) summary.tasks = undefined
    summary.outcomes = { counts: createOutcomeCounts(), verified: undefined, reported: undefined }
  }
  return summary.outcomes
}

/**
 * What an attempt adds to each summary that counts it: that of its key, its bucket of time, its arm. Computed once for all of them: computed for
 * each, counting takes half as long again, and the row "batch of 1,000" needs about a tenth more CPU.
 */
export interface Addends {
  /** The addends of sums, in the order of the constants below. A typed array, because V8 allocates memory for each double of an object. */
  readonly values: Float64Array
  attempt: DecidedAttempt | undefined
  durationBucket: number
  /** The calibration bin and the bin of {@link CONFIDENCE_CELLS}. -1 if no confidence was stated. */
  confidenceBin: number
  confidenceCell: number
}

// Positions in `values`: addends rounded to the steps of their sums, and logarithms.
const OF_TIME = 0
const OF_TIME_SQUARED = 1
const OF_TIME_ERROR = 2
const OF_LOG_TIME = 3
const OF_CONFIDENCE = 4
const OF_CONFIDENCE_SQUARED = 5
const OF_CONFIDENCE_VARIANCE = 6

/** Memory for one attempt at a time. Every call of {@link addendsOf} replaces what the call before left. */
const addends: Addends = {
  values: new Float64Array(7),
  attempt: undefined,
  durationBucket: 0,
  confidenceBin: -1,
  confidenceCell: -1,
}

/** The addends of an attempt. They are valid until the next call. */
export function addendsOf(attempt: DecidedAttempt): Addends {
  const { time_seconds: time, confidence } = attempt
  const { values } = addends
  addends.attempt = attempt
  addends.durationBucket = bucketOf(DURATION_BOUNDS, time)
  const square = time * time
  values[OF_TIME] = roundToStep(time, SECONDS)
  values[OF_TIME_SQUARED] = roundToStep(square, TIME_SQUARES)
  values[OF_TIME_ERROR] = roundToStep(squareError(time, square), TIME_SQUARES)
  values[OF_LOG_TIME] = time > 0 ? roundedLog(time) : 0
  addends.confidenceBin = -1
  if (typeof confidence !== 'number') return addends
  addends.confidenceBin = confidenceBin(confidence)
  addends.confidenceCell = packedBinOf(confidence)
  values[OF_CONFIDENCE] = roundToStep(confidence, PARTS)
  values[OF_CONFIDENCE_SQUARED] = roundToStep(confidence * confidence, PARTS)
  values[OF_CONFIDENCE_VARIANCE] = roundToStep((1 - 2 * confidence) ** 2 * confidence * (1 - confidence), PARTS)
  return addends
}

/** Counts the attempt of the addends, which ended at `ms` (since the epoch), by its reported result. */
export function addAddends(summary: Summary, addends: Addends, ms: number): void {
  addToRow(summary, addends, ms)
  const reported = summary.outcomes?.reported
  if (reported !== undefined) addToRow(reported, addends, ms)
}

/** Counts an attempt in one summary only. */
export function addAttempt(summary: Summary, attempt: DecidedAttempt, ms: number): void {
  addAddends(summary, addendsOf(attempt), ms)
}

/** {@link addAddends} without the outcomes of the summary. */
export function addToRow(summary: Summary, addends: Addends, ms: number): void {
  const { values, durationBucket, confidenceBin } = addends
  const attempt = addends.attempt!
  const { success, time_seconds: time } = attempt
  summary[success ? SUCCESSES : FAILURES]! += 1
  if (ms < summary[FIRST_MS]!) summary[FIRST_MS] = ms
  if (ms > summary[LAST_MS]!) summary[LAST_MS] = ms
  addRounded(summary, TIME, values[OF_TIME]!)
  addRounded(summary, TIME_SQUARED, values[OF_TIME_SQUARED]!)
  addRounded(summary, TIME_SQUARED, values[OF_TIME_ERROR]!)
  addRounded(summary, success ? TIME_OF_SUCCESSES : TIME_OF_FAILURES, values[OF_TIME]!)
  summary[(success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES) + durationBucket]! += 1
  if (time > 0) addLog(summary, POSITIVE_TIMES, LOG_TIME, values[OF_LOG_TIME]!)
  if (confidenceBin >= 0) addConfidence(summary, addends, success)
  addTokens(summary, attempt)
  addCost(summary, attempt)
  if (attempt.task_id !== undefined) addTask(tasksOf(summary), attempt.task_id, success)
}

function addConfidence(summary: Summary, { values, confidenceBin, confidenceCell }: Addends, success: boolean): void {
  summary[STATED]! += 1
  summary[(success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES) + confidenceBin]! += 1
  addRounded(summary, CONFIDENCE, values[OF_CONFIDENCE]!)
  if (success) addRounded(summary, CONFIDENCE_OF_SUCCESSES, values[OF_CONFIDENCE]!)
  addRounded(summary, CONFIDENCE_SQUARED, values[OF_CONFIDENCE_SQUARED]!)
  addRounded(summary, CONFIDENCE_VARIANCE, values[OF_CONFIDENCE_VARIANCE]!)
  addRounded(summary, CONFIDENCE_BY_BIN + 2 * confidenceBin, values[OF_CONFIDENCE]!)
  addPacked(summary, CONFIDENCE_CELLS, confidenceCell, success)
}

/** The natural logarithm of `value` in steps of {@link LOG_STEPS}. */
const roundedLog = (value: number): number =>
  Math.round(Math.min(MAX_LOG, Math.max(-MAX_LOG, Math.log(value))) * LOG_STEPS) / LOG_STEPS

/** Adds a logarithm to the sum at `at`, its square to the sum at `at + 1`, and 1 to the count at `countAt`. */
function addLog(summary: Summary, countAt: number, at: number, log: number): void {
  summary[countAt]! += 1
  summary[at]! += log
  summary[at + 1]! += log * log
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
  addExactSquare(summary, COST_SQUARED, cost, COST_SQUARES)
  if (cost > 0) addLog(summary, POSITIVE_COSTS, LOG_COST, roundedLog(cost))
}

function tasksOf(summary: Summary): TaskSketch {
  summary.tasks ??= createTaskSketch()
  return summary.tasks
}

/** Totals of attempts that were not received one by one. */
export interface Totals {
  readonly successes: number
  readonly failures: number
  /** The sum of their durations in seconds. */
  readonly time_seconds: number
  /** How many attempts stated a confidence, and the sum of the confidences. */
  readonly stated: number
  readonly confidence: number
}

/**
 * Counts attempts of which only totals and averages are known: the older part of an adopted file. They count in totals and averages. They
 * do not count in histograms, calibration or sums of squares, because their values are unknown.
 */
export function addAverages(summary: Summary, totals: Totals): void {
  addAveragesToRow(summary, totals)
  const reported = summary.outcomes?.reported
  if (reported !== undefined) addAveragesToRow(reported, totals)
}

function addAveragesToRow(summary: Summary, totals: Totals): void {
  summary[SUCCESSES]! += totals.successes
  summary[FAILURES]! += totals.failures
  summary[STATED]! += totals.stated
  addExact(summary, TIME, totals.time_seconds, SECONDS)
  addExact(summary, CONFIDENCE, totals.confidence, PARTS)
}

/**
 * Counts the increase of a measure that a sender counts itself. `values` has the increase of a counter, or those of a histogram's count,
 * sum and buckets. It counts in totals, averages and histograms. It does not count in calibration and intervals of means, which need single
 * attempts.
 */
export function addCounted(summary: Summary, measure: Measure, values: readonly number[], ms: number): void {
  addCountedToRow(summary, measure, values, ms)
  const reported = summary.outcomes?.reported
  if (reported !== undefined) addCountedToRow(reported, measure, values, ms)
}

function addCountedToRow(summary: Summary, measure: Measure, values: readonly number[], ms: number): void {
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
  const from = success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES
  // No confidence is above 1. Only rounding can put one into the bucket above 1.
  for (const [i, count] of buckets.entries()) summary[from + Math.min(i, CONFIDENCE_BUCKETS - 1)]! += count
  addExact(summary, success ? COUNTED_CONFIDENCE_OF_SUCCESSES : COUNTED_CONFIDENCE_OF_FAILURES, sum, PARTS)
}

/** Whether the summary may count an attempt with this result: every count that it belongs to is above 0. */
export function mayHold(summary: Summary, attempt: AgentAttempt, success: boolean): boolean {
  const { time_seconds: time, confidence } = attempt
  if (!(summary[success ? SUCCESSES : FAILURES]! > 0)) return false
  if (!(summary[(success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES) + bucketOf(DURATION_BOUNDS, time)]! > 0))
    return false
  if (typeof confidence !== 'number') return true
  const bin = (success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES) + confidenceBin(confidence)
  return summary[bin]! > 0 && hasPacked(summary, CONFIDENCE_CELLS, confidence, success)
}

/**
 * Moves an attempt that the summary counts from one result to the other. Afterwards the summary equals one that counted it with `success` at once,
 * to the last digit: all sums are exact, and the form of the packed confidences does not depend on results. Leaves its outcomes alone.
 */
export function moveInRow(summary: Summary, attempt: AgentAttempt, success: boolean): void {
  const { time_seconds: time, confidence, task_id } = attempt
  const [from, to] = success ? [FAILURES, SUCCESSES] : [SUCCESSES, FAILURES]
  summary[from]! -= 1
  summary[to]! += 1
  addExact(summary, success ? TIME_OF_FAILURES : TIME_OF_SUCCESSES, -time, SECONDS)
  addExact(summary, success ? TIME_OF_SUCCESSES : TIME_OF_FAILURES, time, SECONDS)
  const bucket = bucketOf(DURATION_BOUNDS, time)
  summary[(success ? DURATION_OF_FAILURES : DURATION_OF_SUCCESSES) + bucket]! -= 1
  summary[(success ? DURATION_OF_SUCCESSES : DURATION_OF_FAILURES) + bucket]! += 1
  if (task_id !== undefined && summary.tasks !== undefined) moveTask(summary.tasks, task_id, success)
  if (typeof confidence !== 'number') return
  const bin = confidenceBin(confidence)
  summary[(success ? BINS_OF_FAILURES : BINS_OF_SUCCESSES) + bin]! -= 1
  summary[(success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES) + bin]! += 1
  addExact(summary, CONFIDENCE_OF_SUCCESSES, success ? confidence : -confidence, PARTS)
  movePacked(summary, CONFIDENCE_CELLS, confidence, success)
}

/** Counts in the outcomes of a summary that {@link moveInRow} moved an attempt. */
export function addCorrection({ counts }: Outcomes, attempt: AgentAttempt, success: boolean): void {
  const { time_seconds: time } = attempt
  const confidence = attempt.confidence ?? undefined
  const bin = confidence === undefined ? 0 : confidenceBin(confidence)
  countCorrection(counts, success, { time, duration: bucketOf(DURATION_BOUNDS, time), confidence, bin })
}

/**
 * Turns the row of a summary back to the result that each attempt counted with first: counts, sums and histograms by result. These never
 * decrease, unlike those of the latest results, so that they can be counters. Calibration bins and tasks stay those of the latest results.
 */
export function undoCorrections(row: Float64Array, counts: OutcomeCounts): void {
  const net = netCorrections(counts)
  row[SUCCESSES]! -= net.attempts
  row[FAILURES]! += net.attempts
  subtractExact(row, TIME_OF_SUCCESSES, net.time, SECONDS)
  addExact(row, TIME_OF_FAILURES, net.time[1]!, SECONDS)
  addExact(row, TIME_OF_FAILURES, net.time[0]!, SECONDS)
  subtractExact(row, CONFIDENCE_OF_SUCCESSES, net.confidence, PARTS)
  for (let i = 0; i < DURATION_BUCKETS; i++) {
    row[DURATION_OF_SUCCESSES + i]! -= net.durations[i]!
    row[DURATION_OF_FAILURES + i]! += net.durations[i]!
  }
  for (let i = 0; i < CONFIDENCE_BUCKETS; i++) {
    row[BINS_OF_SUCCESSES + i]! -= net.confidences[i]!
    row[BINS_OF_FAILURES + i]! += net.confidences[i]!
  }
}

function subtractExact(row: Float64Array, at: number, sum: Float64Array, step: Step): void {
  addExact(row, at, -sum[1]!, step)
  addExact(row, at, -sum[0]!, step)
}

/** Adds the counts of `other`, and its outcomes, to `summary`. */
export function mergeInto(summary: Summary, other: Summary): void {
  if (summary.outcomes !== undefined || other.outcomes !== undefined) mergeOutcomes(summary, other)
  mergeRow(summary, other)
}

/** Runs before the rows are merged: a view that is not there equals the row. */
function mergeOutcomes(summary: Summary, other: Summary): void {
  const own = outcomesOf(summary)
  const given = other.outcomes
  if (own.reported !== undefined || given?.reported !== undefined) {
    own.reported ??= copyRow(summary)
    mergeRow(own.reported, given?.reported ?? other)
  }
  if (given === undefined) return
  mergeOutcomeCounts(own.counts, given.counts)
  if (given.verified === undefined) return
  own.verified ??= createSummary()
  mergeRow(own.verified, given.verified)
}

/** {@link mergeInto} without the outcomes of both. */
export function mergeRow(summary: Summary, other: Summary): void {
  for (let i = 0; i < COUNTS_END; i++) {
    if (i === FIRST_MS) summary[i] = Math.min(summary[i]!, other[i]!)
    else if (i === LAST_MS) summary[i] = Math.max(summary[i]!, other[i]!)
    else summary[i]! += other[i]!
  }
  for (let i = COUNTS_END; i < SUMS_END; i += 2) if (other[i] !== 0) mergeExact(summary, other, i)
  for (let i = SUMS_END; i < BINS_END; i++) summary[i]! += other[i]!
  for (let i = BINS_END; i < COUNTED_SUMS_END; i += 2) if (other[i] !== 0) mergeExact(summary, other, i)
  for (let i = COUNTED_SUMS_END; i < PLAIN_END; i++) summary[i]! += other[i]!
  mergePacked(summary, other, CONFIDENCE_CELLS)
  if (other.tasks !== undefined) mergeTasks(tasksOf(summary), other.tasks)
}

/** An independent copy. */
export function copySummary(summary: Summary): Summary {
  const copy = copyRow(summary)
  if (summary.outcomes === undefined) return copy
  const { counts, verified, reported } = summary.outcomes
  const outcomes = outcomesOf(copy)
  outcomes.counts.set(counts)
  outcomes.verified = verified && copyRow(verified)
  outcomes.reported = reported && copyRow(reported)
  return copy
}

/** {@link copySummary} without its outcomes. */
export function copyRow(summary: Summary): Summary {
  const copy: Summary = summary.slice()
  if (summary.tasks !== undefined) copy.tasks = copyTasks(summary.tasks)
  return copy
}

/** The merged summary of `summaries`. */
export function merge(...summaries: readonly Summary[]): Summary {
  const all = createSummary()
  for (const summary of summaries) mergeInto(all, summary)
  return all
}

const confidenceBin = (confidence: number): number =>
  Math.min(bucketOf(CONFIDENCE_BOUNDS, confidence), CONFIDENCE_BUCKETS - 1)

function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0
  while (bucket < bounds.length && value > bounds[bucket]!) bucket++
  return bucket
}

export const totalAttempts = (s: Summary): number => s[SUCCESSES]! + s[FAILURES]!
/** All attempts of a summary of the latest results, with those that are pending. */
export const recordedAttempts = (s: Summary): number =>
  totalAttempts(s) + (s.outcomes === undefined ? 0 : pendingAttempts(s.outcomes.counts))
export const successes = (s: Summary): number => s[SUCCESSES]!
export const failures = (s: Summary): number => s[FAILURES]!

/** Successes in percent of all attempts, 0 to 100. 0 without attempts, as documented. */
export function successRate(s: Summary): number {
  const total = totalAttempts(s)
  return total === 0 ? 0 : (s[SUCCESSES]! / total) * 100
}

/** Attempts that stated a confidence. */
export const statedConfidences = (s: Summary): number => s[STATED]!
export const confidenceSum = (s: Summary): number => s[CONFIDENCE]!
export const timeSum = (s: Summary): number => s[TIME]!
/** Attempts whose time is known. These are all attempts, unless a sender counts times and attempts itself and the numbers differ. */
export const timedAttempts = (s: Summary): number => totalAttempts(s) - s[UNTIMED]!

/** Mean stated confidence, 0 to 1. Null if none was stated. */
export function averageConfidence(s: Summary): number | null {
  return s[STATED] === 0 ? null : s[CONFIDENCE]! / s[STATED]!
}

/** Mean of the known times in seconds. 0 if there is none, as documented. */
export function averageTime(s: Summary): number {
  const timed = timedAttempts(s)
  return timed > 0 ? s[TIME]! / timed : 0
}

/** The times of the earliest and the latest attempt, in milliseconds since the epoch. Undefined if no attempt has a known time. */
export function span(s: Summary): { readonly firstMs: number; readonly lastMs: number } | undefined {
  return Number.isFinite(s[LAST_MS]) ? { firstMs: s[FIRST_MS]!, lastMs: s[LAST_MS]! } : undefined
}

/** {@link span} of a summary of the latest results, with attempts that are or were pending. */
export function recordedSpan(s: Summary): ReturnType<typeof span> {
  const [counted, unreported] = [span(s), s.outcomes && unreportedSpan(s.outcomes.counts)]
  if (counted === undefined || unreported === undefined) return counted ?? unreported
  return {
    firstMs: Math.min(counted.firstMs, unreported.firstMs),
    lastMs: Math.max(counted.lastMs, unreported.lastMs),
  }
}

/** Tokens in the order of {@link TOKEN_TYPES}. */
export const tokens = (s: Summary): readonly number[] => [s[TOKENS]!, s[TOKENS + 1]!, s[TOKENS + 2]!, s[TOKENS + 3]!]

/** The input for the interval of a mean of amounts (times, costs). */
export interface AmountSums {
  readonly n: number
  readonly sum: number
  /** The sum of squared deviations from the mean. */
  readonly squared_deviations: number
  /** Amounts above zero, and the sums of their natural logarithms, each rounded to a thousandth. */
  readonly positive: number
  readonly log_sum: number
  readonly log_sum_of_squares: number
}

/** Costs of attempts in US dollars: how many attempts reported a cost, how many have a computed one, and the sums over both. */
export interface CostSums extends AmountSums {
  readonly reported: number
  readonly computed: number
}

/** All costs in US dollars: those of single attempts, and the sums that senders counted themselves. */
export const totalCost = (s: Summary): number => s[COST]! + s[COUNTED_COST]!

/** The number of attempts whose cost is known, and the sum of these costs in US dollars. */
export const knownCosts = (s: Summary): { readonly known: number; readonly usd: number } => ({
  known: s[REPORTED_COSTS]! + s[COMPUTED_COSTS]!,
  usd: s[COST]!,
})

export function costs(s: Summary): CostSums {
  const [reported, computed] = [s[REPORTED_COSTS]!, s[COMPUTED_COSTS]!]
  const n = reported + computed
  return {
    reported,
    computed,
    n,
    sum: s[COST]!,
    squared_deviations: squaredDeviations(n, exactSumAt(s, COST), exactSumAt(s, COST_SQUARED), COST_SQUARES),
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

/** Adds the duration histogram of all attempts to `into` from `at` on. */
export function addDurations(into: Float64Array, at: number, s: Summary): void {
  for (let i = 0; i < DURATION_BUCKETS; i++)
    into[at + i]! += s[DURATION_OF_FAILURES + i]! + s[DURATION_OF_SUCCESSES + i]!
}

/** Stated confidences of failed or successful attempts, by {@link CONFIDENCE_BOUNDS}. */
export function confidences(s: Summary, success: boolean): Histogram {
  const from = success ? BINS_OF_SUCCESSES : BINS_OF_FAILURES
  const counts = s.subarray(from, from + CONFIDENCE_BUCKETS)
  const counted = s[success ? COUNTED_CONFIDENCE_OF_SUCCESSES : COUNTED_CONFIDENCE_OF_FAILURES]!
  const seen = s[CONFIDENCE_OF_SUCCESSES]!
  return { counts, count: sumOf(counts), sum: (success ? seen : seenConfidence(s) - seen) + counted }
}

/** The sum of the confidences of attempts that were received one by one. */
function seenConfidence(s: Summary): number {
  let sum: ExactSum = { high: 0, low: 0 }
  for (let bin = 0; bin < CONFIDENCE_BUCKETS; bin++) sum = sumOfExact(sum, exactSumAt(s, CONFIDENCE_BY_BIN + 2 * bin))
  return sum.high
}

/** Times in seconds of the attempts that were received one by one, for an interval of the mean. */
export function timeSums(s: Summary): AmountSums {
  const n = durations(s, false).count + durations(s, true).count - s[COUNTED_TIMES]!
  const sum = sumOfExact(exactSumAt(s, TIME_OF_FAILURES), exactSumAt(s, TIME_OF_SUCCESSES))
  return {
    n,
    sum: sum.high,
    squared_deviations: squaredDeviations(n, sum, exactSumAt(s, TIME_SQUARED), TIME_SQUARES),
    positive: s[POSITIVE_TIMES]!,
    log_sum: s[LOG_TIME]!,
    log_sum_of_squares: s[LOG_TIME_SQUARED]!,
  }
}

/** Counts by ten bins of confidence, over attempts that were received one by one and stated a confidence. */
export interface CalibrationBins {
  readonly n: number
  readonly successes: number
  readonly bins: readonly { readonly n: number; readonly successes: number; readonly confidence: number }[]
}

/** The additive sums for all calibration measures, over attempts that were received one by one and stated a confidence c. */
export interface CalibrationSums extends CalibrationBins {
  readonly confidence: number
  readonly confidence_squared: number
  /** Sum of c over the successes. */
  readonly confidence_of_successes: number
  /** Sum of (1 - 2c)^2 c (1 - c): the variance in Spiegelhalter's z. */
  readonly spiegelhalter_variance: number
  /** Counts in finer bins than `bins`. */
  readonly cells: ConfidenceCells
}

/** {@link calibrationSums} without the finer bins, which take several times as long. A scrape reads it for every key. */
export function calibrationBins(s: Summary): CalibrationBins {
  const { failures, successes } = unpackTenths(s, CONFIDENCE_CELLS)
  const bins = CONFIDENCE_BOUNDS.map((_, bin) => ({
    n: failures[bin]! + successes[bin]!,
    successes: successes[bin]!,
    confidence: s[CONFIDENCE_BY_BIN + 2 * bin]!,
  }))
  const succeeded = sumOf(successes)
  return { n: succeeded + sumOf(failures), successes: succeeded, bins }
}

export function calibrationSums(s: Summary): CalibrationSums {
  return {
    ...calibrationBins(s),
    confidence: seenConfidence(s),
    confidence_squared: s[CONFIDENCE_SQUARED]!,
    confidence_of_successes: s[CONFIDENCE_OF_SUCCESSES]!,
    spiegelhalter_variance: s[CONFIDENCE_VARIANCE]!,
    cells: unpack(s, CONFIDENCE_CELLS),
  }
}

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i]!
  return sum
}
