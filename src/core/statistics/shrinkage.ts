/** Hierarchical shrinkage: candidates borrow strength from their other attempts, and strata from all candidates. */
import { KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import type { Counts } from './counts.ts'

/** The counts of one candidate in one stratum. Both are indexes from 0. */
export interface Cell extends Counts {
  readonly candidate: number
  readonly stratum: number
}

/** The fitted model. */
export interface Shrinkage {
  /**
   * The posterior mean of the candidate's rate in the stratum, strictly between 0 and 1. It is the observed rate, shrunk towards the rate
   * that the candidate's other attempts and the stratum suggest. An unknown candidate or stratum is an average one.
   */
  rateOf(candidate: number | undefined, stratum: number | undefined, counts: Counts): number
}

/** Rounds of estimation. Further rounds change ranks rarely. */
const ROUNDS = 5
/** Variance of a stratum's log odds around the common mean. Weak: 95 % of strata are within 2 to 98 % of an even mean. */
const STRATUM_VARIANCE = 4
/** Bounds of the correlation of attempts of one cell, beyond what candidate and stratum explain. */
const [LEAST_CORRELATION, MOST_CORRELATION] = [0.002, 0.5]
const LARGEST_EFFECT = 8

/** The parameters on the scale of log odds. */
interface Parameters {
  readonly strata: Float64Array
  readonly candidates: Float64Array
  /** Variance of the candidates' effects. */
  variance: number
  correlation: number
  mean: number
}

/**
 * Fits the log odds of a success as the sum of an effect of the stratum and one of the candidate. The rates of the cells are
 * beta-distributed around it. All variances are estimated from the same data (empirical Bayes): those of the effects by
 * expectation-maximisation, that of the cells by the method of moments. Counts may be fractional.
 * Source: G. Rasch (1960); parametric empirical Bayes, C. N. Morris, J. Am. Stat. Assoc. 78 (1983); beta-binomial
 * moments, J. C. Kleinman, J. Am. Stat. Assoc. 68 (1973); A. P. Dempster, N. M. Laird and D. B. Rubin, J. R. Stat. Soc. B
 * 39 (1977).
 */
export function fitShrinkage(cells: readonly Cell[]): Shrinkage {
  return runToCompletion(shrinkageSteps(cells))
}

/** {@link fitShrinkage} in steps. */
export function* shrinkageSteps(cells: readonly Cell[]): Steps<Shrinkage> {
  const used = cells.filter(({ attempts }) => attempts > 0)
  let [candidates, strata] = [0, 0]
  for (const cell of used) {
    candidates = Math.max(candidates, cell.candidate + 1)
    strata = Math.max(strata, cell.stratum + 1)
  }
  const fit: Parameters = {
    strata: new Float64Array(strata),
    candidates: new Float64Array(candidates),
    variance: 0.25,
    correlation: 0.05,
    mean: 0,
  }
  for (let round = 0; round < ROUNDS; round++) {
    yield* updateStrata(used, fit)
    yield* updateCandidates(used, fit)
    yield* updateCorrelation(used, fit)
  }
  return { rateOf: (candidate, stratum, counts) => posteriorMean(fit, candidate, stratum, counts) }
}

function posteriorMean(
  { strata, candidates, mean, correlation }: Parameters,
  candidate: number | undefined,
  stratum: number | undefined,
  { successes, attempts }: Counts,
): number {
  const prior = logistic((strata[stratum ?? -1] ?? mean) + (candidates[candidate ?? -1] ?? 0))
  const weight = 1 / correlation - 1
  return (successes + weight * prior) / (attempts + weight)
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** Score and information of every effect of one kind, with cells weighted by their variance. */
interface Scores {
  readonly score: Float64Array
  readonly information: Float64Array
}

function* scoresBy(cells: readonly Cell[], fit: Parameters, by: 'candidate' | 'stratum'): Steps<Scores> {
  const size = by === 'candidate' ? fit.candidates.length : fit.strata.length
  const sums = { score: new Float64Array(size), information: new Float64Array(size) }
  for (const [i, cell] of cells.entries()) {
    const rate = logistic(fit.strata[cell.stratum]! + fit.candidates[cell.candidate]!)
    const inflation = 1 + Math.max(0, cell.attempts - 1) * fit.correlation
    sums.score[cell[by]]! += (cell.successes - cell.attempts * rate) / inflation
    sums.information[cell[by]]! += (cell.attempts * rate * (1 - rate)) / inflation
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return sums
}

/** A Newton step of every stratum towards its posterior mode. The common mean is the mean of their effects. */
function* updateStrata(cells: readonly Cell[], fit: Parameters): Steps<void> {
  const { score, information } = yield* scoresBy(cells, fit, 'stratum')
  let sum = 0
  for (let i = 0; i < fit.strata.length; i++) {
    const precision = 1 / STRATUM_VARIANCE
    const step = (score[i]! - (fit.strata[i]! - fit.mean) * precision) / (information[i]! + precision)
    fit.strata[i] = bounded(fit.strata[i]! + bounded(step, 2), LARGEST_EFFECT)
    sum += fit.strata[i]!
  }
  fit.mean = fit.strata.length > 0 ? sum / fit.strata.length : 0
}

/** A Newton step of every candidate, and the variance of their effects: mean square plus posterior variance. */
function* updateCandidates(cells: readonly Cell[], fit: Parameters): Steps<void> {
  const { score, information } = yield* scoresBy(cells, fit, 'candidate')
  const precision = 1 / fit.variance
  let squares = 0
  for (let i = 0; i < fit.candidates.length; i++) {
    const step = (score[i]! - fit.candidates[i]! * precision) / (information[i]! + precision)
    fit.candidates[i] = bounded(fit.candidates[i]! + bounded(step, 2), LARGEST_EFFECT)
    squares += fit.candidates[i]! ** 2 + 1 / (information[i]! + precision)
  }
  if (fit.candidates.length > 1) fit.variance = Math.max(1e-3, squares / fit.candidates.length)
}

/** The correlation at which the squared residuals have the sum that the beta-binomial distribution expects. */
function* updateCorrelation(cells: readonly Cell[], fit: Parameters): Steps<void> {
  let [squares, further] = [0, 0]
  for (const [i, { candidate, stratum, successes, attempts }] of cells.entries()) {
    const rate = logistic(fit.strata[stratum]! + fit.candidates[candidate]!)
    // A rate near 0 or 1 would give one unexpected outcome all the weight.
    const variance = Math.max(rate * (1 - rate), 0.02)
    squares += (successes - attempts * rate) ** 2 / (attempts * variance)
    further += Math.max(0, attempts - 1)
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  const freedom = cells.length - fit.strata.length - fit.candidates.length + 1
  // Without repeated cells the correlation cannot be estimated. Keeps the start value.
  if (freedom < 1 || further === 0) return
  const correlation = ((squares * cells.length) / freedom - cells.length) / further
  fit.correlation = Math.min(MOST_CORRELATION, Math.max(LEAST_CORRELATION, correlation))
}

function bounded(value: number, largest: number): number {
  return Math.max(-largest, Math.min(largest, value))
}
