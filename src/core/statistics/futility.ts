import { type Counts, rateOf, shrunkRate } from './counts.ts'
import { normalCdf, normalQuantile } from './distributions.ts'
import { POWER } from './power.ts'
import { pValueOf, type SequentialOptions } from './sequential.ts'

/** Further attempts of both arms together within which a comparison should be decided. */
export const FUTILITY_ATTEMPTS = 20_000

/** A difference found by bisection is exact to this, as a fraction. */
const PRECISION = 1e-5

/**
 * The smallest difference of rates, in percentage points, that the attempts so far find with 80 % power. The rate of `a` is fixed. The rate
 * of `b` moves towards 50 % and beyond, because a difference is hardest to find near 50 %. Null if the attempts are too few for any
 * difference.
 */
export function minimumDetectableEffect(a: Counts, b: Counts, options: SequentialOptions): number | null {
  const rate = shrunkRate(a)
  const sign = rate > 0.5 ? -1 : 1
  const finds = (difference: number): boolean => {
    const other = rate + sign * difference
    const error = Math.sqrt((rate * (1 - rate)) / a.attempts + (other * (1 - other)) / b.attempts)
    // In 80 % of experiments the observed difference is at least this.
    const observed = difference - normalQuantile(POWER) * error
    return observed > 0 && pValueOf(countsAt(rate, a), countsAt(rate + sign * observed, b), options) <= options.alpha
  }
  const difference = smallest(Math.max(rate, 1 - rate), finds)
  return difference === null ? null : difference * 100
}

/**
 * The predictive probability that {@link FUTILITY_ATTEMPTS} further attempts decide the comparison, in the proportions of the arms so far.
 * The observed rates and their errors predict the rates of the further attempts. `margin` is the non-inferiority margin in percentage
 * points, if given. `attempts` are those of both arms so far. Where tasks repeat, the counts of the arms are effective ones, and further
 * attempts repeat tasks as much as those so far.
 * Source: D. J. Spiegelhalter, L. S. Freedman and P. R. Blackburn, Control. Clin. Trials 7 (1986), with the bounds of
 * the confidence sequence at the end of the further attempts.
 */
export function decisionProbability(
  a: Counts,
  b: Counts,
  options: SequentialOptions,
  margin: number | undefined,
  attempts: number = a.attempts + b.attempts,
): number {
  if (!(a.attempts > 0 && b.attempts > 0)) return 1
  const more = FUTILITY_ATTEMPTS / attempts
  const [first, second] = [grown(a, 1 + more), grown(b, 1 + more)]
  const centre = shrunkRate({ successes: a.successes + b.successes, attempts: a.attempts + b.attempts })
  const reached = (difference: number): boolean => {
    const [low, high] = [Math.max(0, centre - difference / 2), Math.min(1, centre + difference / 2)]
    return pValueOf(countsAt(low, first), countsAt(high, second), options) <= options.alpha
  }
  const bound = smallest(1, reached) ?? 1
  const spread = Math.sqrt(predictiveVariance(a, more) + predictiveVariance(b, more))
  const expected = rateOf(b) - rateOf(a)
  const upper = margin === undefined ? bound : Math.min(bound, bound - margin / 100)
  return Math.min(1, normalCdf((expected - upper) / spread) + normalCdf((-expected - bound) / spread))
}

/** Whether the comparison will not be decided within {@link FUTILITY_ATTEMPTS} in 80 % of cases. */
export function isFutile(
  a: Counts,
  b: Counts,
  options: SequentialOptions,
  margin: number | undefined,
  attempts?: number,
): boolean {
  return decisionProbability(a, b, options, margin, attempts) < 1 - POWER
}

/** The variance of an arm's rate after `more` times its attempts, given its rate now. */
function predictiveVariance(arm: Counts, more: number): number {
  const rate = shrunkRate(arm)
  return ((rate * (1 - rate)) / arm.attempts) * (more / (1 + more))
}

const grown = ({ successes, attempts }: Counts, by: number): Counts => ({
  successes: successes * by,
  attempts: attempts * by,
})

const countsAt = (rate: number, { attempts }: Counts): Counts => ({ successes: rate * attempts, attempts })

/** The smallest x from 0 to `high` for which `holds` is true. Null if it is false for `high`. `holds` must be monotonic. */
function smallest(high: number, holds: (x: number) => boolean): number | null {
  if (!holds(high)) return null
  let [low, found] = [0, high]
  while (found - low > PRECISION) {
    const middle = (low + found) / 2
    if (holds(middle)) found = middle
    else low = middle
  }
  return found
}
