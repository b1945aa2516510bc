import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, effectiveCounts, rateOf, shrunkRate } from './counts.ts'
import { fisherTest } from './fisher.ts'
import { evidenceOf, type RateInterval, rateInterval } from './intervals.ts'
import { holmSteps } from './multiple.ts'
import { posteriorSteps } from './posterior.ts'
import { attemptsPerSide } from './power.ts'

const ALPHA = 0.05
/** Above this number of attempts, `attempts_to_decide` is null. */
const MAX_ATTEMPTS = 1_000_000

/** One candidate's rate, and the evidence for its rank. */
export interface Standing {
  /** Percent, 0 to 100. */
  readonly success_rate: number
  readonly success_rate_interval: RateInterval
  /** Posterior probability, 0 to 1, that its true rate is the highest. */
  readonly p_best: number
  /** Percentage points that choosing this candidate is expected to lose against the best one. */
  readonly expected_loss: number
  /** Whether its rate does not differ significantly from the leader's. The leader itself is a contender. */
  readonly contender: boolean
}

/** The comparison of all candidates with the leader. */
export interface Best {
  /** In the order the candidates were given. */
  readonly standings: readonly Standing[]
  /** Indexes of the contenders in `standings`: the leader first, then the others in the order given. */
  readonly contenders: readonly number[]
  /** Whether the leader differs significantly from every other candidate. False if there is no other. */
  readonly decisive: boolean
  /**
   * Further attempts per contender until the test finds all differences with 80 % power, at the estimated rates. 0 if
   * the comparison is decisive. Null without another candidate, with fewer than 5 attempts of a contender, or if more than
   * a million are needed. Also null if the rates do not differ in the leader's favour.
   */
  readonly attempts_to_decide: number | null
}

/**
 * Compares all candidates with the one at index `leader`, whichever rule chose it. Counts must be integers. The error
 * rates hold for a single look at the data. To monitor a running comparison, use `compareRates`.
 */
export function decideBest(candidates: readonly Counts[], leader: number): Best {
  return runToCompletion(decideBestSteps(candidates, leader))
}

/** {@link decideBest} in steps. */
export function* decideBestSteps(given: readonly Counts[], leader: number): Steps<Best> {
  const candidates = given.map(effectiveCounts)
  const { p_best, expected_loss } = yield* posteriorSteps(candidates)
  const others = yield* otherContenders(candidates, leader)
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
  return {
    standings,
    contenders,
    decisive: candidates.length > 1 && contenders.length === 1,
    attempts_to_decide: yield* attemptsToDecide(candidates, leader, others),
  }
}

/**
 * Indexes of the candidates that do not differ significantly from the leader, by Fisher's exact test with Holm's correction
 * at 5 %. Includes candidates with a higher rate: the leader may have been chosen by another rule. The data chose the
 * leader, so the family is every pair of candidates. With the leader's pairs alone, one of 30 equals would be called worse
 * in 25 % of cases.
 */
function* otherContenders(candidates: readonly Counts[], leader: number): Steps<number[]> {
  const first = candidates[leader]
  if (first === undefined) return []
  const others = candidates.map((_, i) => i).filter(i => i !== leader)
  const pValues: number[] = []
  for (const i of others) {
    pValues.push(fisherTest(whole(first), whole(candidates[i]!)))
    yield
  }
  const adjusted = yield* holmSteps(pValues, pairsOf(candidates))
  return others.filter((i, position) => adjusted[position]! > ALPHA || rateOf(candidates[i]!) > rateOf(first))
}

/** The exact test needs integers. Effective counts are not. */
function whole({ successes, attempts }: Counts): Counts {
  return { successes: Math.round(successes), attempts: Math.round(attempts) }
}

function pairsOf(candidates: readonly Counts[]): number {
  return (candidates.length * (candidates.length - 1)) / 2
}

function* attemptsToDecide(
  candidates: readonly Counts[],
  leader: number,
  others: readonly number[],
): Steps<number | null> {
  const first = candidates[leader]
  if (first === undefined || candidates.length < 2) return null
  let most = 0
  for (const other of others) {
    const needed = furtherAttempts(first, candidates[other]!, ALPHA / pairsOf(candidates))
    if (needed === null) return null
    most = Math.max(most, needed)
    yield
  }
  return most
}

function furtherAttempts(first: Counts, other: Counts, alpha: number): number | null {
  const isInsufficient = [first, other].some(counts => evidenceOf(counts.attempts) === 'insufficient')
  if (isInsufficient || rateOf(first) === rateOf(other) || shrunkRate(first) <= shrunkRate(other)) return null
  const perSide = attemptsPerSide(shrunkRate(first), shrunkRate(other), alpha)
  if (perSide === null) return null
  // Power depends on the harmonic mean of the sample sizes: adds equally to both until that mean is `perSide`.
  const [n1, n2] = [first.attempts, other.attempts]
  const more = Math.ceil((perSide - n1 - n2 + Math.sqrt((n1 - n2) ** 2 + perSide ** 2)) / 2)
  return more > MAX_ATTEMPTS ? null : Math.max(1, more)
}
