import { effectiveCounts } from './counts.ts'
import type { Strata } from './standardise.ts'

/**
 * The signed Mantel-Haenszel statistic of `first` against `second`, positive if `first` succeeds more often. Both must have
 * attempts in all of the given strata. Approximately standard normal if the rates are equal in every stratum. 0 if the
 * outcomes have no variance.
 * Source: W. G. Cochran, Biometrics 10 (1954), and N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22 (1959), with
 * continuity correction.
 */
export function mantelHaenszel(first: Strata, second: Strata, strata: readonly string[]): number {
  let [excess, variance] = [0, 0]
  for (const stratum of strata) {
    const [a, b] = [effectiveCounts(first.get(stratum)!), effectiveCounts(second.get(stratum)!)]
    const n = a.attempts + b.attempts
    const successes = a.successes + b.successes
    excess += a.successes - (a.attempts * successes) / n
    variance += (a.attempts * b.attempts * successes * (n - successes)) / (n * n * (n - 1))
  }
  return variance > 0 ? (Math.sign(excess) * Math.max(0, Math.abs(excess) - 0.5)) / Math.sqrt(variance) : 0
}
