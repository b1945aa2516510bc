import { type Counts, rateOf } from './counts.ts'
import { normalTwoSided } from './distributions.ts'
import { type RateInterval, wilsonBounds } from './intervals.ts'

/** Counts by stratum, such as an issue type: what is compared only like with like. */
export type Strata = ReadonlyMap<string, Counts>

/** A rate at a common mix of strata, and its 95 % interval; fractions, 0 to 1. */
export interface StandardRate {
  readonly rate: number
  readonly low: number
  readonly high: number
}

/** Mantel and Haenszel's comparison of two over the strata both have. */
export interface StratifiedDifference {
  /** Rate of the first less that of the second at the same mix, in percentage points, with its 95 % interval. */
  readonly difference: number
  readonly difference_interval: { readonly low: number; readonly high: number; readonly method: 'mover' }
  /** Of "no difference in any stratum", two-sided, 0 to 1. */
  readonly p_value: number
  /** How many strata, and how many attempts of both, it rests on. */
  readonly strata: number
  readonly attempts: number
}

/**
 * The rate `strata` would show at the mix `weights` (above 0, of any sum), every stratum of which it has attempts in.
 * Its interval is Wilson's at the number of attempts that would give a plain rate the same variance; for the variance
 * each stratum has one more success and one more failure (Laplace), since 1 of 1 is no certainty.
 * Source: direct standardisation, P. Armitage and G. Berry, Statistical Methods in Medical Research (1994), 12.2;
 * effective attempts, N. Dean and M. Pagano, J. Surv. Stat. Methodol. 3 (2015).
 */
export function standardRate(strata: Strata, weights: ReadonlyMap<string, number>): StandardRate {
  const used = [...weights].map(([stratum, weight]) => ({ weight, counts: strata.get(stratum)! }))
  const whole = used.reduce((sum, { weight }) => sum + weight, 0)
  let [rate, shrunk, variance] = [0, 0, 0]
  for (const { weight, counts } of used) {
    const share = weight / whole
    const stratum = (counts.successes + 1) / (counts.attempts + 2)
    rate += share * rateOf(counts)
    shrunk += share * stratum
    variance += (share * share * stratum * (1 - stratum)) / counts.attempts
  }
  rate = Math.min(1, rate)
  const attempts = (shrunk * (1 - shrunk)) / variance
  return { rate, ...wilsonBounds({ successes: rate * attempts, attempts }) }
}

/**
 * Compares two at the same mix of strata, over the strata both have attempts in; null where there is none. Every stratum
 * weighs as much as it can tell, n1 n2 / (n1 + n2), so that the difference is Mantel and Haenszel's.
 * Source: W. G. Cochran, Biometrics 10 (1954), and N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22 (1959), with the
 * correction for continuity, for the p-value; G. Y. Zou and A. Donner, Stat. Med. 27 (2008), for the interval.
 */
export function mantelHaenszel(first: Strata, second: Strata): StratifiedDifference | null {
  const weights = new Map<string, number>()
  let [excess, variance, attempts] = [0, 0, 0]
  for (const [stratum, a] of first) {
    const b = second.get(stratum)
    if (b === undefined || !(a.attempts > 0 && b.attempts > 0)) continue
    const n = a.attempts + b.attempts
    const successes = a.successes + b.successes
    weights.set(stratum, (a.attempts * b.attempts) / n)
    attempts += n
    excess += a.successes - (a.attempts * successes) / n
    variance += (a.attempts * b.attempts * successes * (n - successes)) / (n * n * (n - 1))
  }
  if (weights.size === 0) return null
  const { difference, low, high } = subtract(standardRate(first, weights), standardRate(second, weights))
  const z = variance > 0 ? Math.max(0, Math.abs(excess) - 0.5) / Math.sqrt(variance) : 0
  return {
    difference: difference * 100,
    difference_interval: { low: low * 100, high: high * 100, method: 'mover' },
    p_value: normalTwoSided(z),
    strata: weights.size,
    attempts,
  }
}

/** `a` less `b`, with the interval that follows from theirs. Source: R. G. Newcombe, Stat. Med. 17 (1998), method 10. */
export function subtract(
  a: StandardRate,
  b: StandardRate,
): { readonly difference: number; readonly low: number; readonly high: number } {
  const difference = a.rate - b.rate
  return {
    difference,
    low: difference - Math.hypot(a.rate - a.low, b.high - b.rate),
    high: difference + Math.hypot(a.high - a.rate, b.rate - b.low),
  }
}

/** All of `counts` together. */
export function total(counts: Iterable<Counts>): Counts {
  let [successes, attempts] = [0, 0]
  for (const each of counts) {
    successes += each.successes
    attempts += each.attempts
  }
  return { successes, attempts }
}

/** A standardised rate as it is shown: in percent. */
export function asPercent({ low, high }: StandardRate): RateInterval {
  return { low: low * 100, high: high * 100, method: 'wilson' }
}
