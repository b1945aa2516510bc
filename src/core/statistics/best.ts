import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, rateOf, shrunkRate } from './counts.ts'
import { fisherTest } from './fisher.ts'
import { evidenceOf, type RateInterval, wilsonInterval } from './intervals.ts'
import { holmSteps } from './multiple.ts'
import { posteriorSteps } from './posterior.ts'
import { attemptsPerSide } from './power.ts'

const ALPHA = 0.05
/** More attempts than this are no plan. */
const MOST_ATTEMPTS = 1_000_000

/** How one candidate stands. */
export interface Standing {
  /** Percent, 0 to 100. */
  readonly success_rate: number
  readonly success_rate_interval: RateInterval
  /** Probability that its true rate is the highest, 0 to 1. */
  readonly p_best: number
  /** Percentage points by which the best is expected to be better than this one: what choosing it costs. */
  readonly expected_loss: number
  /** Whether it cannot be told from the leader. The leader is a contender. */
  readonly contender: boolean
}

/** Who leads, and how sure that is. */
export interface Best {
  /** In the order the candidates were given. */
  readonly standings: readonly Standing[]
  /** Places of the contenders in `standings`: the leader, then the others as they were given. */
  readonly contenders: readonly number[]
  /** Whether the leader can be told from every other candidate. False where there is no other. */
  readonly decisive: boolean
  /**
   * Further attempts each contender needs for the leader to be told from all of them in 80 % of cases, if the rates are
   * as they look now; 0 where that is decided. Null where it cannot be said: no other candidate, fewer than 5 attempts
   * of a contender, rates that do not differ in the leader's favour, or more than a million.
   */
  readonly attempts_to_decide: number | null
}

/**
 * Compares all candidates with the one at `leader`, however it was chosen, by whole counts. Answers for one look at the
 * data: a comparison to be watched as it runs is `compareRates`'s.
 */
export function decideBest(candidates: readonly Counts[], leader: number): Best {
  return runToCompletion(decideBestSteps(candidates, leader))
}

/** {@link decideBest} in steps. */
export function* decideBestSteps(candidates: readonly Counts[], leader: number): Steps<Best> {
  const { p_best, expected_loss } = yield* posteriorSteps(candidates)
  const others = yield* otherContenders(candidates, leader)
  const contenders = leader < candidates.length ? [leader, ...others] : []
  const isContender = candidates.map(() => false)
  for (const place of contenders) isContender[place] = true
  const standings = candidates.map((counts, i) => ({
    success_rate: rateOf(counts) * 100,
    success_rate_interval: wilsonInterval(counts.successes, counts.attempts),
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
 * Who cannot be told from the leader, or is surely better (a leader may be chosen by another rule than the rate):
 * Fisher's exact test, Holm's correction at 5 %. Because the data chose the leader, the family is every pair of
 * candidates: over the leader's own pairs alone, one of thirty equals would be called worse in a fourth of all cases.
 */
function* otherContenders(candidates: readonly Counts[], leader: number): Steps<number[]> {
  const first = candidates[leader]
  if (first === undefined) return []
  const others = candidates.map((_, i) => i).filter(i => i !== leader)
  const pValues: number[] = []
  for (const i of others) {
    pValues.push(fisherTest(first, candidates[i]!))
    yield
  }
  const adjusted = yield* holmSteps(pValues, pairsOf(candidates))
  return others.filter((i, at) => adjusted[at]! > ALPHA || rateOf(candidates[i]!) > rateOf(first))
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
  const bare = [first, other].some(counts => evidenceOf(counts.attempts) === 'insufficient')
  if (bare || rateOf(first) === rateOf(other) || shrunkRate(first) <= shrunkRate(other)) return null
  const perSide = attemptsPerSide(shrunkRate(first), shrunkRate(other), alpha)
  if (perSide === null) return null
  // As many more on both sides as make the harmonic mean of the two what it would be with `perSide` on each.
  const [n1, n2] = [first.attempts, other.attempts]
  const more = Math.ceil((perSide - n1 - n2 + Math.sqrt((n1 - n2) ** 2 + perSide ** 2)) / 2)
  return more > MOST_ATTEMPTS ? null : Math.max(1, more)
}
