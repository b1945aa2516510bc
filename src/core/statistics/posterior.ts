import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, effectiveCounts } from './counts.ts'
import { logBeta, regularizedBeta } from './special-functions.ts'

/** Beyond this many scales from its mean, a posterior has a probability below 1e-15. */
const TRUNCATE_AT_SCALES = 12
/** Width of a panel of the quadrature, in scales of the narrowest posterior there. */
const PANEL_SCALES = 0.125

/** Candidates processed between two yields. */
const CANDIDATES_PER_STEP = 50
/** Above this number of candidates, one panel takes so long that it yields inside. */
const YIELD_INSIDE_PANEL_ABOVE = 1000

/** Joint results of the posteriors of all candidates, in the order the candidates were given. */
export interface Posterior {
  /** Probability that the candidate's true rate is the highest: 0 to 1, sum 1. */
  readonly p_best: readonly number[]
  /** Expected difference between the highest true rate and the candidate's: 0 to 1. */
  readonly expected_loss: readonly number[]
}

/** One posterior on the arcsine scale, and the range in which it is not negligible. */
interface Density {
  readonly a: number
  readonly b: number
  readonly logFront: number
  readonly scale: number
  readonly low: number
  readonly high: number
}

/** Values of all candidates at one angle: density, CDF, and the joint density that the candidate is here and is the best. Reused. */
interface Slice {
  angle: number
  readonly density: Float64Array
  readonly cdf: Float64Array
  readonly best: Float64Array
}

/**
 * The probability of being best under independent posteriors Beta(successes + 1/2, failures + 1/2). It is the integral of
 * each density times the product of the other CDFs. Absolute error below 1e-6. Counts may be fractional. With less than half
 * a success or half a failure, the error is below 0.01, because such a density has an infinite slope at its end. The running
 * time is linear in the number of candidates, quadratic at worst.
 * Source: prior of H. Jeffreys, Proc. R. Soc. A 186 (1946). The integral is over t with rate = sin² t. On that scale every
 * posterior is bounded and its width depends almost only on the attempts, so Simpson's rule is accurate.
 */
export function posteriorOf(candidates: readonly Counts[]): Posterior {
  return runToCompletion(posteriorSteps(candidates))
}

/** {@link posteriorOf} in steps. */
export function* posteriorSteps(candidates: readonly Counts[]): Steps<Posterior> {
  const densities: Density[] = []
  for (const candidate of candidates) {
    densities.push(toDensity(candidate))
    if (densities.length % CANDIDATES_PER_STEP === 0) yield
  }
  const p_best = new Float64Array(densities.length)
  // Below the highest lower bound, the probability that any candidate is the best is negligible.
  const from = Math.max(...densities.map(density => density.low))
  const end = Math.max(...densities.map(density => density.high))
  let highest = 0
  let [left, middle, right] = [createSlice(densities), createSlice(densities), createSlice(densities)]
  yield* startAt(densities, from, left)
  while (left.angle < end) {
    const width = Math.min(panelAt(densities, left.angle), end - left.angle)
    yield* advance(densities, left, middle, right, width)
    highest += addSlice(p_best, left, width / 6)
    highest += addSlice(p_best, middle, (4 * width) / 6)
    highest += addSlice(p_best, right, width / 6)
    if (right.angle <= left.angle) break
    ;[left, right] = [right, left]
    yield
  }
  const total = p_best.reduce((sum, p) => sum + p, 0)
  return {
    p_best: Array.from(p_best, p => p / total),
    expected_loss: densities.map(({ a, b }) => Math.max(0, highest / total - a / (a + b))),
  }
}

function toDensity(given: Counts): Density {
  const counts = effectiveCounts(given)
  const a = counts.successes + 0.5
  const b = counts.attempts - counts.successes + 0.5
  const mean = Math.asin(Math.sqrt(a / (a + b)))
  const scale = 0.5 / Math.sqrt(a + b)
  const low = Math.max(0, mean - TRUNCATE_AT_SCALES * scale)
  const high = Math.min(Math.PI / 2, mean + TRUNCATE_AT_SCALES * scale)
  return { a, b, logFront: Math.LN2 - logBeta(a, b), scale, low, high }
}

function panelAt(densities: readonly Density[], angle: number): number {
  let narrowest = 1
  for (const density of densities) if (angle < density.high) narrowest = Math.min(narrowest, density.scale)
  return PANEL_SCALES * narrowest
}

/** Adds a slice with its quadrature weight to `p_best`. Returns its contribution to the expected highest rate. */
function addSlice(p_best: Float64Array, { angle, best }: Slice, weight: number): number {
  const rate = Math.sin(angle) ** 2
  let highest = 0
  for (let i = 0; i < best.length; i++) {
    const p = weight * best[i]!
    p_best[i]! += p
    highest += p * rate
  }
  return highest
}

function createSlice({ length }: readonly Density[]): Slice {
  const column = (): Float64Array => new Float64Array(length)
  return { angle: 0, density: column(), cdf: column(), best: column() }
}

function* startAt(densities: readonly Density[], angle: number, slice: Slice): Steps<void> {
  const rate = Math.sin(angle) ** 2
  slice.angle = angle
  putDensities(densities, slice)
  for (const [i, { a, b }] of densities.entries()) {
    slice.cdf[i] = regularizedBeta(rate, a, b)
    if ((i + 1) % CANDIDATES_PER_STEP === 0) yield
  }
  putBest(slice)
}

/** Computes the middle and the end of the panel that starts at `left`. CDFs integrate the parabola through the densities. */
function* advance(densities: readonly Density[], left: Slice, middle: Slice, right: Slice, width: number): Steps<void> {
  const yieldsInside = densities.length > YIELD_INSIDE_PANEL_ABOVE
  middle.angle = left.angle + width / 2
  right.angle = left.angle + width
  putDensities(densities, middle)
  if (yieldsInside) yield
  putDensities(densities, right)
  if (yieldsInside) yield
  for (let i = 0; i < densities.length; i++) {
    const first = left.density[i]!
    const second = middle.density[i]!
    const third = right.density[i]!
    middle.cdf[i] = within01(left.cdf[i]! + (width / 24) * (5 * first + 8 * second - third))
    right.cdf[i] = within01(left.cdf[i]! + (width / 6) * (first + 4 * second + third))
  }
  if (yieldsInside) yield
  putBest(middle)
  putBest(right)
}

/** The hot loop: a question with 100 candidates evaluates about 20,000 densities. */
function putDensities(densities: readonly Density[], { angle, density }: Slice): void {
  // Avoids the logarithm of 0: an exponent of 0 times -Infinity would be NaN.
  const logSine = Math.log(Math.max(Math.sin(angle), Number.MIN_VALUE))
  const logCosine = Math.log(Math.max(Math.cos(angle), Number.MIN_VALUE))
  for (let i = 0; i < densities.length; i++) {
    const { a, b, logFront, low, high } = densities[i]!
    const isNegligible = angle < low || angle > high
    density[i] = isNegligible ? 0 : Math.exp(logFront + (2 * a - 1) * logSine + (2 * b - 1) * logCosine)
  }
}

/** Multiplies each density by the CDFs of all other candidates. Prefix and suffix products avoid a division by a CDF of 0. */
function putBest({ density, cdf, best }: Slice): void {
  best.set(density)
  let before = 1
  let after = 1
  for (let i = 0, j = best.length - 1; j >= 0; i++, j--) {
    best[i]! *= before
    before *= cdf[i]!
    best[j]! *= after
    after *= cdf[j]!
  }
}

function within01(x: number): number {
  return Math.min(1, Math.max(0, x))
}
