/** The alarm thresholds of drift, for one key and for many. */

/**
 * The alarm threshold when `keys` keys are monitored and `alarms` of them have an alarm: 4.5 + ln(keys / alarms). At 4.5, one
 * key raises a false alarm in about 2,000 attempts in each direction, at every rate from 5 % to 97 %.
 */
export function driftThreshold(keys: number, alarms = 1): number {
  return 4.5 + Math.log(Math.max(1, keys / Math.max(1, alarms)))
}

/**
 * The alarm threshold for the statistics of `keys` keys, so that of the keys with an alarm few have not drifted. The k-th
 * largest statistic has to reach 4.5 + ln(keys / k). Statistics that are left out count as 0.
 * Source: the e-d-BH procedure of S. Dandapanthula and A. Ramdas, arXiv 2501.04130 (2025), with exp(statistic) as e-detector.
 */
export function commonThreshold(statistics: readonly number[], keys: number): number {
  // Ascending: the k-th largest is the k-th from the end. Sorting numbers of an array with a comparison takes ten times as long.
  const sorted = Float64Array.from(statistics).sort()
  for (let k = sorted.length; k > 1; k--)
    if (sorted[sorted.length - k]! >= driftThreshold(keys, k)) return driftThreshold(keys, k)
  return driftThreshold(keys)
}

/** The largest discount, and the discount for each attempt by which attempts are displaced. */
const [MAX_DISCOUNT, DISCOUNT_PER_ATTEMPT] = [0.5, 0.05]

/**
 * What a statistic is worth less if its attempts were received late. Each late attempt takes its place among those already tested, and so gives
 * chance another path to the threshold. Attempts up to 10 late raise false alarms to one in 2,000, and up to 50 late to one in 1,600, where those in
 * order have one in 2,650. `displacement` is the mean distance between the orders of receipt and of time, in attempts. The discount was fitted
 * to these simulations.
 */
export function lateDiscount(displacement: number): number {
  return Math.min(MAX_DISCOUNT, DISCOUNT_PER_ATTEMPT * displacement)
}
