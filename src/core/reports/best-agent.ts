/** The best agent for a kind of issue: as documented, and how sure that is. */

import {
  averageConfidence,
  averageTime,
  costs,
  type Summary,
  successes,
  successRate,
  totalAttempts,
} from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { decideBestSteps } from '../statistics/best.ts'
import type { Counts } from '../statistics/counts.ts'
import { wilsonInterval } from '../statistics/intervals.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'
import { type Rate, rate } from './rate.ts'

/** How the best agent is chosen. */
export const RANKINGS = ['success_rate', 'lower_bound', 'expected_cost'] as const
export type Ranking = (typeof RANKINGS)[number]

export interface BestAgentOptions {
  /** Keys with fewer attempts do not take part; 5 unless told. */
  readonly minAttempts?: number | undefined
  /**
   * `success_rate` as documented: by rate, then by average confidence. `lower_bound`: by the lower end of the 95 % Wilson interval.
   * `expected_cost`: by mean cost per success, least first; keys without a known cost come last.
   */
  readonly rankBy?: Ranking | undefined
}

/** The documented answer, with its interval. */
export interface BestAgent extends Rate {
  readonly agent_name: string
  readonly model_name: string
  /** Null where no attempt stated one. */
  readonly avg_confidence: number | null
  readonly avg_time_seconds: number
}

/** The best of the given keys; undefined where none qualifies. One pass, no sorting: it is asked before every issue. */
export function bestAgent(summaries: readonly KeySummary[], options: BestAgentOptions = {}): BestAgent | undefined {
  return runToCompletion(bestAgentSteps(summaries, options))
}

/** {@link bestAgent} in steps. */
export function* bestAgentSteps(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): Steps<BestAgent | undefined> {
  const choice = noChoice()
  yield* forEachKey(summaries, considering(choice, options))
  return choice.best && describeNumbers(choice.best.key, choice.numbers!)
}

/** The best of the keys that were considered so far, and what was counted of it then. */
interface Choice {
  best: KeySummary | undefined
  numbers: KeyNumbers | undefined
  merit: number
  secondMerit: number
}

function noChoice(): Choice {
  return { best: undefined, numbers: undefined, merit: LOWEST, secondMerit: LOWEST }
}

/** Takes a key that has `minAttempts`, and at least one, where it is better than the best so far. */
function considering(choice: Choice, { minAttempts = 5, rankBy }: BestAgentOptions): (candidate: KeySummary) => void {
  const { first, second } = MERITS[rankBy ?? 'success_rate']
  return candidate => {
    if (!isQualified(candidate, minAttempts)) return
    const { summary } = candidate
    const merit = first(summary)
    if (choice.best !== undefined && merit < choice.merit) return
    const secondMerit = second(summary)
    if (choice.best !== undefined && merit === choice.merit && secondMerit <= choice.secondMerit) return
    Object.assign(choice, { best: candidate, numbers: numbersOf(summary), merit, secondMerit })
  }
}

/** What a report says about a key, read at one moment. */
interface KeyNumbers extends Counts {
  readonly confidence: number | null
  readonly timeSeconds: number
}

function numbersOf(summary: Summary): KeyNumbers {
  return { ...countsOf(summary), confidence: averageConfidence(summary), timeSeconds: averageTime(summary) }
}

/** The documented object of one key. */
export function describeNumbers(
  { agent_name, model_name }: AttemptKey,
  { successes, attempts, confidence, timeSeconds }: KeyNumbers,
): BestAgent {
  return {
    agent_name,
    model_name,
    ...rate(successes, attempts),
    avg_confidence: confidence,
    avg_time_seconds: timeSeconds,
  }
}

/** Whether a key has at least `minAttempts`, and at least one. */
export function isQualified({ summary }: KeySummary, minAttempts: number): boolean {
  return totalAttempts(summary) >= Math.max(1, minAttempts)
}

/** Higher is better; where the first merits are equal, the second decides. */
interface Merits {
  readonly first: (summary: Summary) => number
  readonly second: (summary: Summary) => number
}

const LOWEST = Number.NEGATIVE_INFINITY

const MERITS: Record<Ranking, Merits> = {
  success_rate: { first: successRate, second: summary => averageConfidence(summary) ?? 0 },
  lower_bound: {
    first: summary => wilsonInterval(successes(summary), totalAttempts(summary)).low,
    second: totalAttempts,
  },
  expected_cost: {
    first(summary) {
      const { reported, computed, sum } = costs(summary)
      const priced = reported + computed
      if (priced === 0 || successes(summary) === 0) return LOWEST
      return (-sum / priced) * (totalAttempts(summary) / successes(summary))
    },
    second: successRate,
  },
}

/** One that cannot be told from the leader, with its chance to be the best all the same. */
export interface Contender extends Rate {
  readonly agent_name: string
  readonly model_name: string
  readonly p_best: number
}

/** The best agent, and how sure that is. */
export interface DecidedBestAgent extends BestAgent {
  /** Probability, 0 to 1, that its true rate is the highest (Beta posteriors under Jeffreys' prior). */
  readonly p_best: number
  /** Percentage points that the best is expected to be better than this one. */
  readonly expected_loss: number
  /** Whether it can be told from every other candidate (Fisher's exact test, Holm's correction). False where there is no other. */
  readonly decisive: boolean
  /** Those it cannot be told from, likeliest best first. */
  readonly contenders: readonly Contender[]
  /** Further attempts each contender needs to settle it; null where that cannot be said. */
  readonly attempts_to_decide: number | null
}

/** Candidates that are compared at the most: beside the leader, those whose interval reaches highest. */
const MAX_CANDIDATES = 300

/** The best of the given keys with the evidence for it: milliseconds, where {@link bestAgent} takes microseconds. */
export function decidedBestAgent(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): DecidedBestAgent | undefined {
  return runToCompletion(decidedBestSteps(summaries, options))
}

/** {@link decidedBestAgent} in steps. What is counted of each key is read once. */
export function* decidedBestSteps(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): Steps<DecidedBestAgent | undefined> {
  const choice = noChoice()
  const consider = considering(choice, options)
  const qualified: Candidate[] = []
  function read(one: KeySummary): void {
    consider(one)
    if (isQualified(one, options.minAttempts ?? 5)) qualified.push({ one, ...countsOf(one.summary) })
  }
  yield* forEachKey(summaries, read)
  if (choice.best === undefined) return undefined
  const { best, numbers } = choice
  const leader = { one: best, successes: numbers!.successes, attempts: numbers!.attempts }
  const candidates = yield* closest(leader, qualified)
  const { standings, contenders, decisive, attempts_to_decide } = yield* decideBestSteps(candidates, 0)
  const others = contenders
    .filter(place => place !== 0)
    .map(place => contender(candidates[place]!, standings[place]!.p_best))
  return {
    ...describeNumbers(best.key, numbers!),
    p_best: standings[0]!.p_best,
    expected_loss: standings[0]!.expected_loss,
    decisive,
    contenders: others.sort((a, b) => b.p_best - a.p_best),
    attempts_to_decide,
  }
}

/** A key that takes part, and what was counted of it. */
interface Candidate extends Counts {
  readonly one: KeySummary
}

/** The leader first, then those that could be better than it, most likely first. */
function* closest(leader: Candidate, candidates: readonly Candidate[]): Steps<readonly Candidate[]> {
  const others = candidates.filter(({ one }) => one !== leader.one)
  if (others.length < MAX_CANDIDATES) return [leader, ...others]
  let reaching: { readonly other: Candidate; readonly high: number }[] = []
  for (const [i, other] of others.entries()) {
    reaching.push({ other, high: wilsonInterval(other.successes, other.attempts).high })
    // To sort thousands at once would hold up others.
    if (reaching.length === 2 * MAX_CANDIDATES) reaching = highest(reaching)
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return [leader, ...highest(reaching).map(({ other }) => other)]
}

function highest<T extends { readonly high: number }>(reaching: T[]): T[] {
  return reaching.sort((a, b) => b.high - a.high).slice(0, MAX_CANDIDATES - 1)
}

function contender({ one, successes, attempts }: Candidate, p_best: number): Contender {
  const { agent_name, model_name } = one.key
  return { agent_name, model_name, ...rate(successes, attempts), p_best }
}
