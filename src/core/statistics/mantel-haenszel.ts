import type { Strata } from './standardise.ts'

/**
 * By how many standard errors `first` succeeds more often than `second` within the given strata, all of which both have
 * attempts in: about standard normal where there is no difference in any of them; 0 where nothing can be told.
 * Source: W. G. Cochran, Biometrics 10 (1954), and N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22 (1959), with the
 * correction for continuity.
 */
export function mantelHaenszel(first: Strata, second: Strata, strata: readonly string[]): number {
  let [excess, variance] = [0, 0]
  for (const stratum of strata) {
    const [a, b] = [first.get(stratum)!, second.get(stratum)!]
    const n = a.attempts + b.attempts
    const successes = a.successes + b.successes
    excess += a.successes - (a.attempts * successes) / n
    variance += (a.attempts * b.attempts * successes * (n - successes)) / (n * n * (n - 1))
  }
  return variance > 0 ? (Math.sign(excess) * Math.max(0, Math.abs(excess) - 0.5)) / Math.sqrt(variance) : 0
}
