import { runToCompletion, type Steps } from '../steps.ts'
import type { Counts } from './counts.ts'
import { logBeta, regularizedBeta } from './special-functions.ts'

/** A posterior holds less than 1e-15 of its probability farther than this many scales from its mean. */
const REACH = 12
/** Width of a panel of the quadrature, in scales of the narrowest posterior there. */
const STEP = 0.125

/** Candidates whose densities, or chances, are worked out between two pauses. */
const DENSITIES_AT_ONCE = 50
/** So many candidates take long at one angle. */
const MANY = 1000

/** What the posteriors of all candidates say together. In the order the candidates were given. */
export interface Posterior {
  /** Probability that the true rate is the highest of all: 0 to 1, sum 1. */
  readonly p_best: readonly number[]
  /** How much higher the highest true rate is expected to be than this one: 0 to 1. */
  readonly expected_loss: readonly number[]
}

/** One posterior on the arcsine scale, and where it is not negligible. */
interface Density {
  readonly a: number
  readonly b: number
  readonly logFront: number
  readonly scale: number
  readonly low: number
  readonly high: number
}

/** Densities and CDFs of all candidates at one angle, and the density of "this one is the best, and is here". Used for one angle after another. */
interface Slice {
  angle: number
  readonly density: Float64Array
  readonly cdf: Float64Array
  readonly best: Float64Array
}

/**
 * Who is best under independent posteriors Beta(successes + 1/2, failures + 1/2): each density times the product of the
 * others' CDFs, integrated. Within 1e-6 of the exact values; counts may be fractions. The time it takes is proportional
 * to the candidates, and at worst to their square.
 * Source: prior of H. Jeffreys, Proc. R. Soc. A 186 (1946). The integral is taken over t, rate = sin² t, where every
 * posterior is bounded and, with as many attempts, about as wide as the others, so that Simpson's rule serves.
 */
export function posteriorOf(candidates: readonly Counts[]): Posterior {
  return runToCompletion(posteriorSteps(candidates))
}

/** {@link posteriorOf} in steps. */
export function* posteriorSteps(candidates: readonly Counts[]): Steps<Posterior> {
  const densities: Density[] = []
  for (const candidate of candidates) {
    densities.push(toDensity(candidate))
    if (densities.length % DENSITIES_AT_ONCE === 0) yield
  }
  const p_best = new Float64Array(densities.length)
  // Below the highest of the lower ends, somebody else is better almost surely.
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

function toDensity(counts: Counts): Density {
  const a = counts.successes + 0.5
  const b = counts.attempts - counts.successes + 0.5
  const mean = Math.asin(Math.sqrt(a / (a + b)))
  const scale = 0.5 / Math.sqrt(a + b)
  const low = Math.max(0, mean - REACH * scale)
  const high = Math.min(Math.PI / 2, mean + REACH * scale)
  return { a, b, logFront: Math.LN2 - logBeta(a, b), scale, low, high }
}

function panelAt(densities: readonly Density[], angle: number): number {
  let narrowest = 1
  for (const density of densities) if (angle < density.high) narrowest = Math.min(narrowest, density.scale)
  return STEP * narrowest
}

/** Adds what a slice of this weight says of who is best; answers what it adds to the expected highest rate. */
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
    if ((i + 1) % DENSITIES_AT_ONCE === 0) yield
  }
  putBest(slice)
}

/** The middle and the end of the panel that starts at `left`; CDFs by the parabola through the three densities. */
function* advance(densities: readonly Density[], left: Slice, middle: Slice, right: Slice, width: number): Steps<void> {
  const areMany = densities.length > MANY
  middle.angle = left.angle + width / 2
  right.angle = left.angle + width
  putDensities(densities, middle)
  if (areMany) yield
  putDensities(densities, right)
  if (areMany) yield
  for (let i = 0; i < densities.length; i++) {
    const first = left.density[i]!
    const second = middle.density[i]!
    const third = right.density[i]!
    middle.cdf[i] = within01(left.cdf[i]! + (width / 24) * (5 * first + 8 * second - third))
    right.cdf[i] = within01(left.cdf[i]! + (width / 6) * (first + 4 * second + third))
  }
  if (areMany) yield
  putBest(middle)
  putBest(right)
}

/** A loop over columns: a hundred candidates take some twenty thousand of these, and whoever asks for the best waits for them. */
function putDensities(densities: readonly Density[], { angle, density }: Slice): void {
  // Never the logarithm of 0: a power of 0 times it must stay 0.
  const logSine = Math.log(Math.max(Math.sin(angle), Number.MIN_VALUE))
  const logCosine = Math.log(Math.max(Math.cos(angle), Number.MIN_VALUE))
  for (let i = 0; i < densities.length; i++) {
    const { a, b, logFront, low, high } = densities[i]!
    const isNegligible = angle < low || angle > high
    density[i] = isNegligible ? 0 : Math.exp(logFront + (2 * a - 1) * logSine + (2 * b - 1) * logCosine)
  }
}

/** Each density times the product of the CDFs before it and after it: no division, since a CDF may be 0. */
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
