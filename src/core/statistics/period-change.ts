/** Whether success rates changed from one period to the next, at the same mix of strata, and for which of many groups that is more than chance. */
import { effectiveCounts } from './counts.ts'
import { normalTwoSided } from './distributions.ts'
import { type Strata, standardRate, subtract } from './standardise.ts'

/** The later rate minus the earlier rate at the same mix, as fractions, and the test of it. */
export interface PeriodChange {
  readonly difference: number
  /** 95 % interval of the difference, for one look at one group. */
  readonly low: number
  readonly high: number
  /** Attempts of both periods in the strata that both have. Others are not compared. */
  readonly attempts: number
  /** Two-sided p-value of the hypothesis "no stratum has changed", 0 to 1, for one look at one group. */
  readonly p_value: number
}

/** The change between two periods in the strata that have attempts in both, weighted by their attempts. Undefined if there is none. */
export function periodChange(earlier: Strata, later: Strata): PeriodChange | undefined {
  const weights = new Map<string, number>()
  let [attempts, excess, variance] = [0, 0, 0]
  for (const [stratum, counts] of earlier) {
    const after = later.get(stratum)
    if (after === undefined || counts.attempts === 0 || after.attempts === 0) continue
    const weight = counts.attempts + after.attempts
    weights.set(stratum, weight)
    attempts += weight
    const [a, b] = [effectiveCounts(counts), effectiveCounts(after)]
    const n = a.attempts + b.attempts
    const s = a.successes + b.successes
    excess += b.successes - (b.attempts * s) / n
    variance += n > 1 ? (a.attempts * b.attempts * s * (n - s)) / (n * n * (n - 1)) : 0
  }
  if (weights.size === 0) return undefined
  const { difference, low, high } = subtract(standardRate(later, weights), standardRate(earlier, weights))
  return { difference, low, high, attempts, p_value: mantelHaenszel(excess, variance) }
}

/**
 * The p-value of the stratified test, with continuity correction. It needs no minimum of attempts in a stratum: a period of many issue types with
 * an attempt each is tested as one of few with many.
 * Source: N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22 (1959).
 */
function mantelHaenszel(excess: number, variance: number): number {
  if (!(variance > 0)) return 1
  return normalTwoSided(Math.max(0, Math.abs(excess) - 0.5) / Math.sqrt(variance))
}

/**
 * The expected share of groups without a change among those that {@link changedGroups} names, at one look. So low, because a page is looked at again
 * and again while its periods move: over the looks at every hour of a week, it adds up to what the simulations measure.
 */
const FALSE_SHARE = 0.001

/**
 * Which groups have changed, in the order given: the k with the smallest p-values, for the largest k for which all of them are at most
 * k / n × 0.1 %. If none has changed, one is named at 0.1 % of looks.
 * Source: Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995).
 */
export function changedGroups(pValues: readonly number[]): boolean[] {
  const sorted = pValues.toSorted((a, b) => a - b)
  const most = sorted.findLast((p, i) => p <= ((i + 1) / sorted.length) * FALSE_SHARE)
  return pValues.map(p => most !== undefined && p <= most)
}
