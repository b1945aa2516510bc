/** Which candidates are not among the best, from anytime-valid evidence that the leader is better. */
import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'

/** Beyond this logarithm, a larger e-value changes no decision. Its exponential is finite. */
const MAX_LOG = 600

/**
 * Which candidates are excluded from the best at level `alpha`, in the order given. `logEvidence` has, for every tested
 * candidate, the log e-value of "the leader is better". `candidates` counts all, with the leader and any untested ones.
 *
 * The hypothesis about a candidate is that it is among the best. With probability at least 1 - alpha over all looks together, no candidate
 * for which it is true is ever excluded. This holds although the data choose the leader. Closed testing: assume that a set of candidates is
 * among the best. Then the mean e-value of "any other is better than one of the set" is an e-value. Evidence of others than the leader
 * counts as 0, which is valid.
 * Source: R. Marcus, E. Peritz and K. R. Gabriel, Biometrika 63 (1976); means of e-values, V. Vovk and R. Wang, Ann.
 * Stat. 49 (2021).
 */
export function excludedFromBest(logEvidence: readonly number[], candidates: number, alpha: number): boolean[] {
  return runToCompletion(exclusionSteps(logEvidence, candidates, alpha))
}

/** {@link excludedFromBest} in steps. */
export function* exclusionSteps(logEvidence: readonly number[], candidates: number, alpha: number): Steps<boolean[]> {
  const indexes = logEvidence.map((_, index) => index)
  const order = yield* sortedSteps(indexes, (a, b) => logEvidence[a]! - logEvidence[b]!)
  const values = order.map(index => Math.exp(Math.min(MAX_LOG, logEvidence[index]!)))
  const excluded = logEvidence.map(() => false)
  const least = (candidates - 1) / alpha
  // The set with the least mean has the candidate, the leader (evidence 0), and the `taken` others with the least evidence.
  let [taken, sum] = [0, 0]
  for (const [rank, value] of values.entries()) {
    while (taken < rank && values[taken]! < (value + sum) / (taken + 2)) sum += values[taken++]!
    excluded[order[rank]!] = (value + sum) / (taken + 2) >= least
  }
  return excluded
}

/** The log e-value against every other candidate from which the leader alone remains, see {@link excludedFromBest}. */
export function decisiveEvidence(candidates: number, alpha: number): number {
  return Math.log((2 * (candidates - 1)) / alpha)
}
