/** Which candidate has the lowest cost per success, and whether that is decided. */
import type { CostSums } from '../aggregate/summary.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { clusteredSums } from './clustered-amounts.ts'
import { normalMixture } from './confidence-sequence.ts'
import { type Counts, effectiveCounts, rateOf, shrunkRate } from './counts.ts'
import { momentsOf } from './intervals.ts'
import { posteriorSteps } from './posterior.ts'

const ALPHA = 0.05
/** The confidence sequence is asymptotic: fewer costs or successes decide nothing. */
const [MIN_COSTS, MIN_SUCCESSES] = [30, 5]
/** Attempts of one candidate at which the confidence sequence is narrowest relative to an interval for one look. */
const TUNED_FOR = 100

/** One candidate's outcomes, and the sums of its known costs. */
export interface CostCounts extends Counts {
  readonly costs: CostSums
}

/** The comparison by cost per success, with candidates in the order given. */
export interface CostRanking {
  /** Probability, 0 to 1, that its cost per success is the lowest. 0 if that cost is unknown. The sum is 1 if one is known. */
  readonly p_best: readonly number[]
  /** Whether it may still have the lowest cost per success. True for the leader, and false if that cost is unknown. */
  readonly contender: readonly boolean[]
  /** The number of candidates with a known cost per success. */
  readonly compared: number
}

/**
 * Compares the costs per success of all candidates with that of the one at index `leader`. `family` is the number of
 * candidates from which the given ones were selected.
 *
 * `p_best`: successes per dollar have gamma posteriors, with the mean and the relative variance of the estimate. Cost and
 * success of an attempt count as independent there.
 *
 * `contender`: the confidence sequences of the logarithms of two costs per success overlap, each at 5 % divided by the number of
 * candidates. All looks together exclude the cheapest with probability about 5 %, from 30 costs and 5 successes of each on. This also holds
 * for adaptive assignment, because each sequence uses one candidate's attempts only. Standard errors of cost and rate are added, which
 * holds for any dependence of cost and success.
 * Source: as `confidenceSequence`.
 */
export function rankCosts(candidates: readonly CostCounts[], leader: number, family?: number): CostRanking {
  return runToCompletion(costRankingSteps(candidates, leader, family))
}

/** {@link rankCosts} in steps. */
export function* costRankingSteps(
  candidates: readonly CostCounts[],
  leader: number,
  family: number = candidates.length,
): Steps<CostRanking> {
  const estimates = candidates.map(estimateOf)
  const known = estimates.filter(estimate => estimate !== undefined)
  const lowest = known.reduce((least, { log }) => Math.min(least, log), Number.POSITIVE_INFINITY)
  const { p_best } = yield* posteriorSteps(known.map(estimate => successesPerDollar(estimate, lowest)))
  const first = estimates[leader]
  let position = 0
  return {
    compared: known.length,
    p_best: estimates.map(estimate => (estimate === undefined ? 0 : p_best[position++]!)),
    contender: estimates.map((estimate, i) => {
      if (i === leader) return true
      if (first === undefined || estimate === undefined) return false
      return estimate.log - halfWidth(estimate, ALPHA / family) <= first.log + halfWidth(first, ALPHA / family)
    }),
  }
}

/** How many times as much a success costs in one of two groups, with bounds that are valid at every look. */
export interface CostRatio {
  readonly ratio: number
  /** 0 below 30 costs or 5 successes of a group. */
  readonly low: number
  /** Infinite below 30 costs or 5 successes of a group. */
  readonly high: number
}

/**
 * The cost per success of `after` divided by that of `before`. All looks together miss the true ratio with probability about `alpha`. Undefined
 * if one of the two is unknown.
 * Source: as `confidenceSequence`, for the difference of the logarithms. Standard errors of cost and rate are added, as in {@link rankCosts}.
 */
export function costRatio(before: CostCounts, after: CostCounts, alpha: number): CostRatio | undefined {
  const [first, second] = [estimateOf(before), estimateOf(after)]
  if (first === undefined || second === undefined) return undefined
  const difference = second.log - first.log
  const attempts = first.attempts + second.attempts
  const variance = attempts * (errorOf(first) ** 2 + errorOf(second) ** 2)
  const isEnough = isLargeEnough(first) && isLargeEnough(second) && variance > 0
  const { low, high } = isEnough ? normalMixture({ difference, variance, attempts }, alpha) : UNBOUNDED
  return { ratio: Math.exp(difference), low: Math.exp(low), high: Math.exp(high) }
}

const UNBOUNDED = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }

const errorOf = ({ costError, rateError }: Estimate): number => costError + rateError

const isLargeEnough = ({ costs, successes }: Estimate): boolean => costs >= MIN_COSTS && successes >= MIN_SUCCESSES

/** The logarithm of a cost per success, and its standard errors. */
interface Estimate {
  readonly log: number
  readonly costs: number
  readonly attempts: number
  readonly successes: number
  /** Standard errors of the logarithms of the mean cost and of the success rate. */
  readonly costError: number
  readonly rateError: number
}

/** Undefined if the cost per success is unknown: without a success, with fewer than two costs, or with costs of 0 alone. */
function estimateOf(candidate: CostCounts): Estimate | undefined {
  const { successes, attempts } = candidate
  const costs = clusteredSums(candidate.costs, candidate)
  const { n } = costs
  const moments = momentsOf(costs)
  if (moments === null || !(moments.mean > 0) || !(successes > 0)) return undefined
  const effective = effectiveCounts(candidate)
  const rate = shrunkRate(effective)
  return {
    log: Math.log(moments.mean / rateOf({ successes, attempts })),
    costs: n,
    attempts: effective.attempts,
    successes: effective.successes,
    costError: Math.sqrt(moments.variance / n) / moments.mean,
    rateError: Math.sqrt((1 - rate) / (rate * effective.attempts)),
  }
}

/** The highest mean of the posteriors below. Beta distributions of such small rates are gamma distributions. */
const SMALL = 1e-4

/** A gamma distribution of successes per dollar, scaled to a small rate: its shape is 1 / relative variance. */
function successesPerDollar({ log, costError, rateError }: Estimate, lowest: number): Counts {
  const shape = 1 / (costError ** 2 + rateError ** 2)
  const mean = SMALL * Math.exp(lowest - log)
  // Jeffreys' prior adds one half to successes and to failures.
  return { successes: shape - 0.5, attempts: shape / mean - 1 }
}

function halfWidth(estimate: Estimate, alpha: number): number {
  if (!isLargeEnough(estimate)) return Number.POSITIVE_INFINITY
  const { costs, attempts, costError, rateError } = estimate
  return costError * widening(costs, alpha) + rateError * widening(attempts, alpha)
}

/** The half-width of the confidence sequence of a mean of `n` values, in standard errors. */
function widening(n: number, alpha: number): number {
  const logAlpha = -2 * Math.log(alpha)
  const rhoSquared = (logAlpha + Math.log(logAlpha + 1)) / TUNED_FOR
  const scale = n * rhoSquared + 1
  return Math.sqrt(((2 * scale) / (n * rhoSquared)) * Math.log(Math.sqrt(scale) / alpha))
}
