/**
 * Counts of failures and successes by stated confidence, packed into 20 doubles of a summary's row: 200 counts of bins of 0.01 would double
 * the memory of a key. The counts use the first of these forms that can represent them:
 *
 * | form | bins | holds |
 * | --- | --- | --- |
 * | dense | 0.01 | at most 31 attempts a bin |
 * | sparse | 0.01 | at most 20 bins that are not empty, 4 million attempts each |
 * | twentieths | 0.05 | 33 million attempts a bin |
 * | tenths | 0.1 | any number |
 *
 * The form depends on the attempts of each bin alone: a form that can represent counts can also represent any part of them. Therefore merging
 * is exact, commutative and associative. It does not depend on which attempts succeeded: a corrected result never changes the form. The two
 * highest digits of the first double identify the form.
 *
 * The file is long because it contains all operations on all forms, which share the constants of the layout.
 */
import { type ConfidenceCells, coarser } from './confidence-cells.ts'

/** The number of doubles that the counts take. */
export const PACKED_WIDTH = 20

const [DENSE, SPARSE, TWENTIETHS, TENTHS] = [0, 1, 2, 3]
/** The first double includes the number of the form times this. */
const FORM = 2 ** 51
const BINS = 100

/** Dense: ten counts of five bits per double. Counts of failures and successes alternate. */
const DIGIT = 32
const DIGITS = 10
/** The six lower counts: three bins. They and the four upper ones fit into 32 bits. */
const LOWER = DIGIT ** 6
/** The value of 1 in each of the ten counts. A table, because `**` would take most of the time. */
const UNITS: readonly number[] = Array.from({ length: DIGITS }, (_, digit) => DIGIT ** digit)
/** The failures of three bins. Their successes are {@link DIGIT_BITS} higher. */
const FAILURES_OF_BINS = 0x01f07c1f
const DIGIT_BITS = 5
/** The bits of three sums of failures and successes that are set if a sum is above 31. */
const EXCESS = 0x3e0f83e0

/** Sparse: the digits of bin + 1, failures and successes. */
const SPARSE_FAILURE = 2 ** 22
const SPARSE_BIN = 2 ** 44

/** Twentieths: the digits of failures and successes. */
const TWENTIETH_FAILURE = 2 ** 25

/**
 * The bin of width 0.01 that contains `confidence`, 0 to 99. Upper bounds are inclusive despite rounding: 0.07 is in bin 6, although 0.07 *
 * 100 is 7.000000000000001.
 */
export function packedBinOf(confidence: number): number {
  const bin = Math.max(0, Math.ceil(confidence * BINS) - 1)
  if (confidence > (bin + 1) / BINS) return Math.min(bin + 1, BINS - 1)
  return bin > 0 && confidence <= bin / BINS ? bin - 1 : Math.min(bin, BINS - 1)
}

/** Counts one attempt in the packed counts at `at` of `row`. `bin` is that of {@link packedBinOf}. */
export function addPacked(row: Float64Array, at: number, bin: number, success: boolean): void {
  add(row, at, bin, BINS, success ? 0 : 1, success ? 1 : 0)
}

/** Moves one attempt from the failures to the successes of its bin, or back. The row must count it. */
export function movePacked(row: Float64Array, at: number, confidence: number, success: boolean): void {
  add(row, at, packedBinOf(confidence), BINS, success ? -1 : 1, success ? 1 : -1)
}

/** Whether the bin of `confidence` counts an attempt with this result. */
export function hasPacked(row: Float64Array, at: number, confidence: number, success: boolean): boolean {
  const bin = packedBinOf(confidence)
  const form = formAt(row, at)
  if (form === DENSE) {
    const cell = Math.floor((2 * bin) / DIGITS)
    return modulo(Math.floor(row[at + cell]! / UNITS[2 * bin - cell * DIGITS + (success ? 1 : 0)]!), DIGIT) > 0
  }
  if (form === TENTHS) {
    const place = 2 * Math.floor(bin / 10) + (success ? 1 : 0)
    return row[at + place]! - (place === 0 ? TENTHS * FORM : 0) > 0
  }
  const { failures, successes } = unpack(row, at)
  const counts = success ? successes : failures
  return counts[Math.floor((bin * counts.length) / BINS)]! > 0
}

/** Adds the counts at `at` of `other` to those of `row`. */
export function mergePacked(row: Float64Array, other: Float64Array, at: number): void {
  if (isEmpty(other, at)) return
  if (isEmpty(row, at)) {
    for (let i = at; i < at + PACKED_WIDTH; i++) row[i] = other[i]!
    return
  }
  const [own, given] = [formAt(row, at), formAt(other, at)]
  if (given === SPARSE) addSparse(row, other, at)
  else if (given >= TWENTIETHS) addWide(row, other, at, given)
  else if (own >= TWENTIETHS) addDenseToWide(row, other, at)
  else if (own === SPARSE || !addedDense(row, other, at)) addDense(row, other, at)
}

/** Adds dense counts bin by bin. */
function addDense(row: Float64Array, other: Float64Array, at: number): void {
  const { failures, successes } = unpack(other, at)
  for (let bin = 0; bin < BINS; bin++) {
    if (failures[bin] === 0 && successes[bin] === 0) continue
    add(row, at, bin, BINS, failures[bin]!, successes[bin]!)
  }
}

function isEmpty(row: Float64Array, at: number): boolean {
  for (let i = at; i < at + PACKED_WIDTH; i++) if (row[i] !== 0) return false
  return true
}

const formAt = (row: Float64Array, at: number): number => Math.floor(row[at]! / FORM)

/** `x` modulo `unit`, both whole. The operator `%` takes ten times as long for numbers that are not small integers. */
const modulo = (x: number, unit: number): number => x - Math.floor(x / unit) * unit

/** Adds dense counts to wide ones: each dense double is one twentieth. */
function addDenseToWide(row: Float64Array, other: Float64Array, at: number): void {
  for (let i = 0; i < PACKED_WIDTH; i++) {
    const { failed, succeeded } = sumOfDense(other[at + i]!)
    if (failed + succeeded > 0) add(row, at, i, 20, failed, succeeded)
  }
}

function addSparse(row: Float64Array, other: Float64Array, at: number): void {
  for (let i = at; i < at + PACKED_WIDTH; i++) {
    const value = i === at ? other[i]! - SPARSE * FORM : other[i]!
    if (value === 0) return
    const counts = modulo(value, SPARSE_BIN)
    const failed = Math.floor(counts / SPARSE_FAILURE)
    add(row, at, Math.floor(value / SPARSE_BIN) - 1, BINS, failed, counts - failed * SPARSE_FAILURE)
  }
}

/** Adds wide counts in place. Unpacking them to lists would take most of the time of a question about a range. */
function addWide(row: Float64Array, other: Float64Array, at: number, form: number): void {
  const cells = form === TENTHS ? 10 : 20
  for (let cell = 0; cell < cells; cell++) {
    const place = form === TENTHS ? at + 2 * cell : at + cell
    const value = cell === 0 ? other[place]! - form * FORM : other[place]!
    const failed = form === TENTHS ? value : Math.floor(value / TWENTIETH_FAILURE)
    const succeeded = form === TENTHS ? other[place + 1]! : value - failed * TWENTIETH_FAILURE
    if (failed + succeeded > 0) add(row, at, cell, cells, failed, succeeded)
  }
}

/** Adds dense counts to dense counts, ten at a time. Returns false and changes nothing if the sum needs another form. */
function addedDense(row: Float64Array, other: Float64Array, at: number): boolean {
  for (let i = at; i < at + PACKED_WIDTH; i++) if (exceeds(row[i]!, other[i]!)) return false
  for (let i = at; i < at + PACKED_WIDTH; i++) row[i]! += other[i]!
  return true
}

/** Whether a bin has more attempts than dense counts can hold when two doubles of five bins are added. */
function exceeds(a: number, b: number): boolean {
  if (a === 0 || b === 0) return false
  const [aHigh, bHigh] = [Math.floor(a / LOWER), Math.floor(b / LOWER)]
  const [aLow, bLow] = [a - aHigh * LOWER, b - bHigh * LOWER]
  return (
    (((attemptsOfBins(aLow) + attemptsOfBins(bLow)) | (attemptsOfBins(aHigh) + attemptsOfBins(bHigh))) & EXCESS) !== 0
  )
}

/** The attempts of three bins, ten bits each, of six counts of five bits. */
const attemptsOfBins = (counts: number): number =>
  (counts & FAILURES_OF_BINS) + ((counts >>> DIGIT_BITS) & FAILURES_OF_BINS)

/** Adds to cell `cell` of `cells` cells of equal width. */
function add(row: Float64Array, at: number, cell: number, cells: number, failed: number, succeeded: number): void {
  const form = formAt(row, at)
  if (cells === BINS && form === DENSE && addToDense(row, at, cell, failed, succeeded)) return
  if (cells === BINS && form === SPARSE && addToSparse(row, at, cell, failed, succeeded)) return
  if (form >= TWENTIETHS && (form === TENTHS || cells > 10) && addToWide(row, at, form, cell, cells, failed, succeeded))
    return
  const own = unpack(row, at)
  const both = own.failures.length <= cells ? own : coarser(own, cells)
  const failures = [...both.failures]
  const successes = [...both.successes]
  const target = Math.floor((cell * failures.length) / cells)
  failures[target]! += failed
  successes[target]! += succeeded
  pack(row, at, { failures, successes })
}

function addToDense(row: Float64Array, at: number, bin: number, failed: number, succeeded: number): boolean {
  const cell = Math.floor((2 * bin) / DIGITS)
  const place = at + cell
  const unit = UNITS[2 * bin - cell * DIGITS]!
  const held = Math.floor(row[place]! / unit)
  const failures = modulo(held, DIGIT)
  const successes = modulo(Math.floor(held / DIGIT), DIGIT)
  if (failures + failed + successes + succeeded >= DIGIT) return false
  row[place]! += unit * (failed + DIGIT * succeeded)
  return true
}

function addToSparse(row: Float64Array, at: number, bin: number, failed: number, succeeded: number): boolean {
  for (let i = at; i < at + PACKED_WIDTH; i++) {
    const value = i === at ? row[i]! - FORM : row[i]!
    const found = Math.floor(value / SPARSE_BIN) - 1
    if (found < bin && found >= 0) continue
    if (found !== bin) return false
    const attempts = modulo(Math.floor(value / SPARSE_FAILURE), SPARSE_FAILURE) + modulo(value, SPARSE_FAILURE)
    if (attempts + failed + succeeded >= SPARSE_FAILURE) return false
    row[i]! += failed * SPARSE_FAILURE + succeeded
    return true
  }
  return false
}

/** The cell is one of `cells` cells of equal width: 10 or a multiple of it, and at least as many as the form has. */
function addToWide(
  row: Float64Array,
  at: number,
  form: number,
  cell: number,
  cells: number,
  failed: number,
  succeeded: number,
): boolean {
  if (form === TENTHS) {
    const place = at + 2 * Math.floor((cell * 10) / cells)
    row[place]! += failed
    row[place + 1]! += succeeded
    return true
  }
  const place = at + Math.floor((cell * 20) / cells)
  const value = place === at ? row[at]! - TWENTIETHS * FORM : row[place]!
  const attempts = Math.floor(value / TWENTIETH_FAILURE) + modulo(value, TWENTIETH_FAILURE)
  if (attempts + failed + succeeded >= TWENTIETH_FAILURE) return false
  row[place]! += failed * TWENTIETH_FAILURE + succeeded
  return true
}

/** The counts at `at`, in the finest bins that are known. */
export function unpack(row: Float64Array, at: number): ConfidenceCells {
  const form = formAt(row, at)
  const length = form === TENTHS ? 10 : form === TWENTIETHS ? 20 : BINS
  const failures: number[] = Array(length).fill(0)
  const successes: number[] = Array(length).fill(0)
  for (let i = 0; i < PACKED_WIDTH; i++) {
    const value = i === 0 ? row[at]! - form * FORM : row[at + i]!
    if (value === 0) continue
    if (form === DENSE) unpackDense(value, (i * DIGITS) / 2, failures, successes)
    else if (form === TENTHS) (i % 2 === 0 ? failures : successes)[i >> 1] = value
    else {
      const unit = form === SPARSE ? SPARSE_FAILURE : TWENTIETH_FAILURE
      const cell = form === SPARSE ? Math.floor(value / SPARSE_BIN) - 1 : i
      failures[cell] = modulo(Math.floor(value / unit), unit)
      successes[cell] = modulo(value, unit)
    }
  }
  return { failures, successes }
}

function unpackDense(value: number, firstBin: number, failures: number[], successes: number[]): void {
  let rest = value
  for (let bin = firstBin; rest > 0; bin++) {
    failures[bin] = modulo(rest, DIGIT)
    rest = Math.floor(rest / DIGIT)
    successes[bin] = modulo(rest, DIGIT)
    rest = Math.floor(rest / DIGIT)
  }
}

/** The counts at `at` in bins of 0.1: much faster than {@link unpack} for dense counts, which most keys have. */
export function unpackTenths(row: Float64Array, at: number): ConfidenceCells {
  if (formAt(row, at) !== DENSE) return coarser(unpack(row, at), 10)
  const failures: number[] = Array(10).fill(0)
  const successes: number[] = Array(10).fill(0)
  for (let i = 0; i < PACKED_WIDTH; i++) {
    const { failed, succeeded } = sumOfDense(row[at + i]!)
    failures[i >> 1]! += failed
    successes[i >> 1]! += succeeded
  }
  return { failures, successes }
}

/** The failures and successes of five bins of dense counts. */
function sumOfDense(value: number): { readonly failed: number; readonly succeeded: number } {
  let [failed, succeeded, rest] = [0, 0, value]
  while (rest > 0) {
    failed += modulo(rest, DIGIT)
    rest = Math.floor(rest / DIGIT)
    succeeded += modulo(rest, DIGIT)
    rest = Math.floor(rest / DIGIT)
  }
  return { failed, succeeded }
}

/** Packs counts in the first form that can represent them. */
function pack(row: Float64Array, at: number, cells: ConfidenceCells): void {
  row.fill(0, at, at + PACKED_WIDTH)
  const fine = cells.failures.length === BINS
  if (fine && packDense(row, at, cells)) return
  if (fine && packSparse(row, at, cells)) return
  if (cells.failures.length > 10 && packTwentieths(row, at, coarser(cells, 20))) return
  const { failures, successes } = coarser(cells, 10)
  for (let cell = 0; cell < 10; cell++) {
    row[at + 2 * cell] = failures[cell]!
    row[at + 2 * cell + 1] = successes[cell]!
  }
  row[at]! += TENTHS * FORM
}

function packDense(row: Float64Array, at: number, { failures, successes }: ConfidenceCells): boolean {
  if (failures.some((count, bin) => count + successes[bin]! >= DIGIT)) return false
  for (let bin = 0; bin < BINS; bin++) addToDense(row, at, bin, failures[bin]!, successes[bin]!)
  return true
}

function packSparse(row: Float64Array, at: number, { failures, successes }: ConfidenceCells): boolean {
  const used: number[] = []
  for (let bin = 0; bin < BINS; bin++) {
    const attempts = failures[bin]! + successes[bin]!
    if (attempts >= SPARSE_FAILURE) return false
    if (attempts > 0) used.push(bin)
  }
  if (used.length > PACKED_WIDTH) return false
  for (const [i, bin] of used.entries()) {
    row[at + i] = (bin + 1) * SPARSE_BIN + failures[bin]! * SPARSE_FAILURE + successes[bin]!
  }
  row[at]! += SPARSE * FORM
  return true
}

function packTwentieths(row: Float64Array, at: number, { failures, successes }: ConfidenceCells): boolean {
  if (failures.some((count, cell) => count + successes[cell]! >= TWENTIETH_FAILURE)) return false
  for (let cell = 0; cell < 20; cell++) row[at + cell] = failures[cell]! * TWENTIETH_FAILURE + successes[cell]!
  row[at]! += TWENTIETHS * FORM
  return true
}
