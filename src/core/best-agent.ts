/** The best agent for a kind of issue: as documented, and how sure that is. */
import { countsOf } from './groups.ts'
import type { KeySummary } from './ports.ts'
import { type Rate, rate } from './rate.ts'
import { decideBestSteps } from './statistics/best.ts'
import type { Counts } from './statistics/counts.ts'
import { wilsonInterval } from './statistics/intervals.ts'
import { finished, type Steps } from './steps.ts'
import {
  averageConfidence,
  averageTime,
  costs,
  type Summary,
  successes,
  successRate,
  totalAttempts,
} from './summary.ts'

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
  const best = bestKey(summaries, options)
  return best && describeAgent(best)
}

function bestKey(summaries: readonly KeySummary[], options: BestAgentOptions): KeySummary | undefined {
  const merits = MERITS[options.rankBy ?? 'success_rate']
  const minAttempts = options.minAttempts ?? 5
  const choice = noChoice()
  for (const candidate of summaries) consider(choice, candidate, minAttempts, merits)
  return choice.best
}

/** The best of the keys that were considered so far. */
interface Choice {
  best: KeySummary | undefined
  merit: number
}

function noChoice(): Choice {
  return { best: undefined, merit: LOWEST }
}

/** Takes a key that has `minAttempts`, and at least one, where it is better than the best so far. */
function consider(choice: Choice, candidate: KeySummary, minAttempts: number, { first, second }: Merits): void {
  if (!isQualified(candidate, minAttempts)) return
  const merit = first(candidate.summary)
  const { best } = choice
  if (best !== undefined && merit < choice.merit) return
  if (best !== undefined && merit === choice.merit && second(candidate.summary) <= second(best.summary)) return
  choice.best = candidate
  choice.merit = merit
}

/** The documented object of one key. */
export function describeAgent({ key, summary }: KeySummary): BestAgent {
  return {
    agent_name: key.agent_name,
    model_name: key.model_name,
    ...rate(successes(summary), totalAttempts(summary)),
    avg_confidence: averageConfidence(summary),
    avg_time_seconds: averageTime(summary),
  }
}

/** Keys with at least `minAttempts` (5 unless told), and at least one. */
export function qualified(summaries: readonly KeySummary[], minAttempts = 5): readonly KeySummary[] {
  return summaries.filter(candidate => isQualified(candidate, minAttempts))
}

function isQualified({ summary }: KeySummary, minAttempts: number): boolean {
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
  return finished(decidedBestSteps(summaries, options))
}

/** {@link decidedBestAgent} in steps. What is counted is read before the first pause. */
export function* decidedBestSteps(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): Steps<DecidedBestAgent | undefined> {
  const best = bestKey(summaries, options)
  if (best === undefined) return undefined
  const described = describeAgent(best)
  const candidates = closest(best, qualified(summaries, options.minAttempts))
  const counts = candidates.map(({ summary }) => countsOf(summary))
  const { standings, contenders, decisive, attempts_to_decide } = yield* decideBestSteps(counts, 0)
  const others = contenders
    .filter(place => place !== 0)
    .map(place => contender(candidates[place]!, counts[place]!, standings[place]!.p_best))
  return {
    ...described,
    p_best: standings[0]!.p_best,
    expected_loss: standings[0]!.expected_loss,
    decisive,
    contenders: others.sort((a, b) => b.p_best - a.p_best),
    attempts_to_decide,
  }
}

/** The leader first, then those that could be better than it, most likely first. */
function closest(leader: KeySummary, candidates: readonly KeySummary[]): readonly KeySummary[] {
  const others = candidates.filter(candidate => candidate !== leader)
  if (others.length < MAX_CANDIDATES) return [leader, ...others]
  const reaching = others.map(one => {
    return { one, high: wilsonInterval(successes(one.summary), totalAttempts(one.summary)).high }
  })
  reaching.sort((a, b) => b.high - a.high)
  return [leader, ...reaching.slice(0, MAX_CANDIDATES - 1).map(({ one }) => one)]
}

function contender({ key }: KeySummary, { successes, attempts }: Counts, p_best: number): Contender {
  const { agent_name, model_name } = key
  return { agent_name, model_name, ...rate(successes, attempts), p_best }
}
