/** An exact, anytime-valid test whether one candidate succeeds more often than another, within strata. */
import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, rateOf } from './counts.ts'

/** The counts of both candidates in one stratum. */
export type CountsPair = readonly [first: Counts, second: Counts]

/** Differences of log odds, and their prior weights. Neighbours differ by a factor of 2, which costs at most 9 % of the evidence. */
const SHIFTS = [
  [1 / 16, 0.03],
  [1 / 8, 0.05],
  [1 / 4, 0.1],
  [1 / 2, 0.2],
  [1, 0.27],
  [2, 0.25],
  [4, 0.1],
] as const
/** The part of the difference by which the first is above the nuisance rate. Best near the second's share of attempts. */
const PARTS = [
  [1 / 4, 0.25],
  [1 / 2, 0.5],
  [3 / 4, 0.25],
] as const
/** Weights of the alternatives of a cell: a lower part, the part itself, a higher part. */
const WITHIN = [0.3, 0.4, 0.3] as const

/**
 * An alternative at nuisance rate p: the first has e^`up` times the odds of p, the second e^-`down` times. The alternatives
 * of a cell have the same difference, and are mixed within every stratum. The other parts keep the worst nuisance rate near
 * the observed rates. With one part alone it would be near 1/2.
 */
const cells = SHIFTS.flatMap(([shift, shiftWeight]) =>
  PARTS.map(([part, partWeight]) => {
    const width = Math.min(part, 1 - part)
    const alternatives = WITHIN.map((weight, i) => {
      const up = shift * (part + (i - 1) * width)
      return { logWeight: Math.log(weight), up, down: shift - up }
    })
    return { logWeight: Math.log(shiftWeight * partWeight), alternatives }
  }),
)
const alternatives = cells.flatMap(cell => cell.alternatives)
/** Columns of all alternatives, cell by cell: objects would make the hot loop several times slower. */
const LOG_WEIGHT = Float64Array.from(alternatives, ({ logWeight }) => logWeight)
const UP = Float64Array.from(alternatives, ({ up }) => up)
const DOWN = Float64Array.from(alternatives, ({ down }) => down)
/** e^up - 1. */
const GAIN = Float64Array.from(alternatives, ({ up }) => Math.expm1(up))
/** 1 - e^-down. */
const DROP = Float64Array.from(alternatives, ({ down }) => -Math.expm1(-down))

/** Cells whose evidence is smaller than the largest by this factor (in logarithms) are left out. */
const NEGLIGIBLE = 5

/**
 * The natural logarithm of an e-value against "the first succeeds in no stratum more often than the second". If that is
 * true, it ever exceeds log(1/α) with probability at most α, over all looks together. That holds for all rates, and for
 * adaptive assignment within strata, where earlier outcomes decide who gets the next attempt. It does not hold if
 * outcomes decide which strata are given. Counts may be fractional.
 *
 * A value that cannot reach `least` is given as -Infinity, which is valid and saves most of the work.
 *
 * For every nuisance rate p, and every alternative with the first above p and the second below it, the likelihood ratio
 * is a nonnegative supermartingale if p is between the true rates. So is a mixture over alternatives. Its minimum over p
 * is an e-process. A product over strata multiplies independent bets.
 * Source: mixtures, H. Robbins, Ann. Math. Stat. 41 (1970), by J. Ville (1939); minima over nuisance parameters,
 * A. Ramdas, J. Ruf, M. Larsson and W. Koolen, arXiv 2009.03167 (2020); two-by-two tables, R. Turner and P. Grünwald,
 * Stat. Probab. Lett. 198 (2023).
 */
export function logSuperiority(strata: readonly CountsPair[], least: number = Number.NEGATIVE_INFINITY): number {
  return runToCompletion(superioritySteps(strata, least))
}

/** Strata evaluated between two yields. */
const STRATA_PER_STEP = 20

/** {@link logSuperiority} in steps. */
export function* superioritySteps(strata: readonly CountsPair[], least: number): Steps<number> {
  const possible = greatest(strata)
  if (!(possible >= least)) return Number.NEGATIVE_INFINITY
  const upper = cells.map(({ logWeight }) => logWeight)
  for (const [i, pair] of strata.entries()) {
    const p = pooledRate(pair)
    for (let cell = 0; cell < upper.length; cell++) upper[cell]! += mixtureAt(cell, pair, p).value
    if ((i + 1) % STRATA_PER_STEP === 0) yield
  }
  const atPooledRates = logSum(upper)
  if (!(atPooledRates >= least)) return Number.NEGATIVE_INFINITY
  const highest = Math.max(...upper)
  const exact: number[] = []
  for (const [cell, { logWeight }] of cells.entries()) {
    if (upper[cell]! < highest - NEGLIGIBLE) continue
    let sum = logWeight
    for (const pair of strata) sum += minimum(cell, pair)
    exact.push(sum)
    if (strata.length >= STRATA_PER_STEP) yield
  }
  // Rounding must not lift the value above its bounds: no attempts would be evidence of 1e-15.
  return Math.min(logSum(exact), possible, atPooledRates)
}

/** An upper bound: the log-likelihood ratio of the observed rates where the first is higher. Takes few logarithms. */
function greatest(strata: readonly CountsPair[]): number {
  let sum = 0
  for (const pair of strata) {
    const [a, b] = pair
    if (rateOf(a) <= rateOf(b) && a.attempts > 0 && b.attempts > 0) continue
    const p = pooledRate(pair)
    sum += logLikelihood(a, rateOf(a)) + logLikelihood(b, rateOf(b)) - logLikelihood(a, p) - logLikelihood(b, p)
  }
  return sum
}

function logLikelihood({ successes, attempts }: Counts, p: number): number {
  const failures = attempts - successes
  return (successes > 0 ? successes * Math.log(p) : 0) + (failures > 0 ? failures * Math.log1p(-p) : 0)
}

function pooledRate([a, b]: CountsPair): number {
  const attempts = a.attempts + b.attempts
  return attempts > 0 ? (a.successes + b.successes) / attempts : 0.5
}

/** Log of the mixture of a cell's likelihood ratios at nuisance rate `p`, and its first two derivatives. */
interface Mixture {
  readonly value: number
  readonly first: number
  readonly second: number
}

function mixtureAt(cell: number, [a, b]: CountsPair, p: number): Mixture {
  let [total, first, second, square] = [0, 0, 0, 0]
  let highest = Number.NEGATIVE_INFINITY
  for (let i = cell * WITHIN.length; i < (cell + 1) * WITHIN.length; i++) {
    const gain = GAIN[i]!
    const drop = DROP[i]!
    const log =
      LOG_WEIGHT[i]! +
      UP[i]! * a.successes -
      DOWN[i]! * b.successes -
      a.attempts * Math.log1p(gain * p) -
      b.attempts * Math.log1p(-drop * p)
    if (log > highest) {
      const scale = Math.exp(highest - log)
      total *= scale
      first *= scale
      second *= scale
      square *= scale
      highest = log
    }
    const share = Math.exp(log - highest)
    const above = gain / (1 + gain * p)
    const below = drop / (1 - drop * p)
    const slope = b.attempts * below - a.attempts * above
    total += share
    first += share * slope
    second += share * (a.attempts * above * above + b.attempts * below * below)
    square += share * slope * slope
  }
  const mean = first / total
  return { value: highest + Math.log(total), first: mean, second: (second + square) / total - mean * mean }
}

/** The minimum is at most this much below the returned bound's curve. */
const TOLERANCE = 1e-4
const MAX_STEPS = 60

/**
 * A lower bound of the minimum over p from 0 to 1, less than {@link TOLERANCE} below it. The function is convex, as the
 * logarithm of a sum of log-convex functions, so that every tangent is below it. Newton's method, within a bracket.
 */
function minimum(cell: number, pair: CountsPair): number {
  let [low, high, p] = [0, 1, pooledRate(pair)]
  let bound = Number.NEGATIVE_INFINITY
  for (let step = 0; step < MAX_STEPS; step++) {
    const { value, first, second } = mixtureAt(cell, pair, p)
    if (first > 0) high = p
    else low = p
    bound = value - Math.abs(first) * (first > 0 ? p - low : high - p)
    if (first === 0 || value - bound < TOLERANCE) return bound
    const next = p - first / second
    p = next > low && next < high ? next : (low + high) / 2
  }
  return bound
}

function logSum(logs: readonly number[]): number {
  const highest = Math.max(...logs)
  if (highest === Number.NEGATIVE_INFINITY) return highest
  let sum = 0
  for (const log of logs) sum += Math.exp(log - highest)
  return highest + Math.log(sum)
}
