import { hasCommonTask } from './aligned-tasks.ts'
import type { TaskCounts } from './clusters.ts'
import { logGamma } from './special-functions.ts'

const ALPHA = 0.001
const MIN_ATTEMPTS_PER_ARM = 8
/**
 * The concentration of the Dirichlet mixture, in attempts. Of two arms with equal shares, 65 % of 200 attempts, 57 % of
 * 1,000 and 52 % of 10,000 are then a mismatch. A concentration of 1,000 would need 82 % of 200.
 */
const CONCENTRATION = 10

/** Whether attempts were assigned to the arms in the intended shares. */
export interface SampleRatio {
  /** `too_few`: fewer than two arms with a share, or fewer than 8 attempts per arm on average. */
  readonly status: 'as_intended' | 'mismatch' | 'too_few'
  /** Anytime-valid p-value of the hypothesis "as intended", 0 to 1. Null if the status is `too_few`. */
  readonly p_value: number | null
}

/**
 * Anytime-valid multinomial test of the attempts per arm against the intended shares (0 or more, any sum, equal by
 * default). Checked after every attempt, it reports a mismatch (p < 0.001) in at most one of 1,000 correct experiments.
 * A mismatch means that the assignment or the recording of attempts is broken. Comparisons of the arms are then invalid.
 * Source: M. Lindon and A. Malek, Anytime-valid inference for multinomial count data, NeurIPS (2022): the inverse of the
 * Bayes factor of a Dirichlet mixture, centred at the intended shares, against the intended shares.
 */
export function sampleRatio(
  attempts: readonly number[],
  shares: readonly number[] = attempts.map(() => 1),
): SampleRatio {
  const total = attempts.reduce((sum, n) => sum + n, 0)
  const shareSum = attempts.reduce((sum, _, i) => sum + (shares[i] ?? 0), 0)
  const intended = attempts.map((_, i) => (shareSum > 0 ? (shares[i] ?? 0) / shareSum : 0))
  const arms = intended.filter(share => share > 0).length
  // Under the hypothesis, an arm with a share of 0 has no attempts.
  if (arms > 0 && attempts.some((n, i) => n > 0 && intended[i] === 0)) return { status: 'mismatch', p_value: 0 }
  if (arms < 2 || total < arms * MIN_ATTEMPTS_PER_ARM) return { status: 'too_few', p_value: null }
  const p_value = Math.min(1, Math.exp(-logBayesFactor(attempts, intended)))
  return { status: p_value < ALPHA ? 'mismatch' : 'as_intended', p_value }
}

/**
 * What was assigned to each arm: attempts, or tasks if every task has all its runs in one arm. The runs of such a task were assigned
 * together, so that counting each of them would call a correct assignment a mismatch. `assigned` are the attempts of each arm with those that
 * have no result yet: arms whose results take longer would else be a mismatch too.
 */
export function assignedUnits(
  arms: readonly TaskCounts[],
  assigned: readonly number[] = arms.map(({ attempts }) => attempts),
): readonly number[] {
  const [first, ...others] = arms
  const isByTask = others.length > 0 && others.every(({ tasks }) => !hasCommonTask(first?.tasks, tasks))
  return arms.map(({ runs_per_cluster = 1 }, i) => assigned[i]! / (isByTask ? runs_per_cluster : 1))
}

/** ln of the likelihood of the ordered assignments under the mixture, divided by that under the intended shares. */
function logBayesFactor(attempts: readonly number[], intended: readonly number[]): number {
  let total = 0
  let sum = 0
  for (const [i, n] of attempts.entries()) {
    const share = intended[i]!
    if (share === 0) continue
    total += n
    sum += logGamma(CONCENTRATION * share + n) - logGamma(CONCENTRATION * share) - n * Math.log(share)
  }
  return sum + logGamma(CONCENTRATION) - logGamma(CONCENTRATION + total)
}
