import { type Counts, rateOf } from './counts.ts'
import { type RateInterval, wilsonBounds } from './intervals.ts'

/** Counts by stratum, such as an issue type: what is compared only like with like. */
export type Strata = ReadonlyMap<string, Counts>

/** A rate at a common mix of strata, and its 95 % interval; fractions, 0 to 1. */
export interface StandardRate {
  readonly rate: number
  readonly low: number
  readonly high: number
}

/**
 * The rate `strata` would show at the mix `weights` (above 0, of any sum), every stratum of which it has attempts in.
 * Its interval is Wilson's at the number of attempts that would give a plain rate the same variance; for the variance
 * each stratum has one more success and one more failure (Laplace), since 1 of 1 is no certainty.
 * Source: direct standardisation, P. Armitage and G. Berry, Statistical Methods in Medical Research (1994);
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
