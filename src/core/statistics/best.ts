import { runToCompletion, type Steps } from '../steps.ts'
import { decisiveEvidence, exclusionSteps } from './closed-testing.ts'
import { type Counts, effectiveCounts, rateOf } from './counts.ts'
import { attemptsToDecideSteps } from './decision-plan.ts'
import { type RateInterval, rateInterval } from './intervals.ts'
import { posteriorSteps } from './posterior.ts'
import { superioritySteps } from './superiority.ts'

const ALPHA = 0.05

/** One candidate's rate, and the evidence for its rank. */
export interface Standing {
  /** Percent, 0 to 100. */
  readonly success_rate: number
  readonly success_rate_interval: RateInterval
  /** Posterior probability, 0 to 1, that its true rate is the highest. */
  readonly p_best: number
  /** Percentage points that choosing this candidate is expected to lose against the best one. */
  readonly expected_loss: number
  /** Whether it may still be among the best. The leader itself is a contender. */
  readonly contender: boolean
}

/** The comparison of all candidates with the leader. */
export interface Best {
  /** In the order the candidates were given. */
  readonly standings: readonly Standing[]
  /** Indexes of the contenders in `standings`: the leader first, then the others in the order given. */
  readonly contenders: readonly number[]
  /** Whether the leader is the only contender. False if there is no other candidate. */
  readonly decisive: boolean
  /**
   * Further attempts per contender until the comparison is decisive with 80 % power, at the estimated rates. A plan for all contenders
   * jointly. 0 if the comparison is decisive. Null without another candidate, with fewer than 5 attempts of a contender, or if more than a
   * million are needed. Also null if the rates do not differ in the leader's favour.
   */
  readonly attempts_to_decide: number | null
}

/**
 * Compares all candidates with the one at index `leader`, whichever rule chose it. Anytime-valid: over all looks together, a candidate that
 * is among the best is excluded from the contenders with probability at most 5 %. This holds although the data choose the leader, and for
 * adaptive assignment. The evidence is evaluated at the current counts, not at its maximum over earlier looks, so a decision may be
 * withdrawn. `family` is the number of candidates from which the given ones were selected.
 */
export function decideBest(candidates: readonly Counts[], leader: number, family?: number): Best {
  return runToCompletion(decideBestSteps(candidates, leader, family))
}

/** {@link decideBest} in steps. */
export function* decideBestSteps(given: readonly Counts[], leader: number, family: number = given.length): Steps<Best> {
  const candidates = given.map(effectiveCounts)
  const { p_best, expected_loss } = yield* posteriorSteps(candidates)
  const others = yield* otherContenders(candidates, leader, family)
  const contenders = leader < candidates.length ? [leader, ...others] : []
  const isContender = candidates.map(() => false)
  for (const index of contenders) isContender[index] = true
  const standings = given.map((counts, i) => ({
    success_rate: rateOf(counts) * 100,
    success_rate_interval: rateInterval(counts),
    p_best: p_best[i]!,
    expected_loss: expected_loss[i]! * 100,
    contender: isContender[i]!,
  }))
  const decisive = candidates.length > 1 && contenders.length === 1
  return {
    standings,
    contenders,
    decisive,
    attempts_to_decide: decisive ? 0 : yield* attemptsToDecide(candidates, contenders, family),
  }
}

/** Indexes of the other candidates that may still be among the best. A rate above the leader's is never excluded. */
function* otherContenders(candidates: readonly Counts[], leader: number, family: number): Steps<number[]> {
  const first = candidates[leader]
  if (first === undefined) return []
  const others = candidates.map((_, i) => i).filter(i => i !== leader)
  const least = decisiveEvidence(family, ALPHA)
  const logEvidence: number[] = []
  for (const i of others) {
    logEvidence.push(yield* superioritySteps([[first, candidates[i]!]], least))
    yield
  }
  const excluded = yield* exclusionSteps(logEvidence, family, ALPHA)
  return others.filter((_, position) => !excluded[position])
}

function* attemptsToDecide(
  candidates: readonly Counts[],
  [leader, ...others]: readonly number[],
  family: number,
): Steps<number | null> {
  if (leader === undefined) return null
  const open = others.map(index => candidates[index]!)
  return yield* attemptsToDecideSteps(candidates[leader]!, open, decisiveEvidence(family, ALPHA))
}
