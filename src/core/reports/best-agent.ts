/**
 * The best agent for an issue type, by the documented ranking, and the evidence for it. Longer than 250 lines, because the fields of the answer
 * and the criteria are described where they are computed.
 */

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
import { type CostEstimate, costsOf } from '../statistics/cost.ts'
import { type CostCounts, costRankingSteps } from '../statistics/cost-ranking.ts'
import type { Counts } from '../statistics/counts.ts'
import { rateInterval } from '../statistics/intervals.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import type { ShrunkRate } from './shrunk-rates.ts'
import { type Times, timesOf } from './times.ts'

/** The criteria by which the best agent can be chosen. */
export const RANKINGS = ['success_rate', 'lower_bound', 'shrunk', 'expected_cost'] as const
export type Ranking = (typeof RANKINGS)[number]

export interface BestAgentOptions {
  /** Keys with fewer attempts are ignored. 5 by default. */
  readonly minAttempts?: number | undefined
  /**
   * `success_rate`, the default: by rate, then by average confidence. `lower_bound`: by the lower bound of the 95 % Wilson
   * interval. `shrunk`: by `shrunkRate`. `expected_cost`: by mean cost per success, lowest first. Keys without a known cost
   * come last.
   */
  readonly rankBy?: Ranking | undefined
  /** The rates for `shrunk`. Without them, ranks by the lower bound. */
  readonly shrunkRate?: ShrunkRate | undefined
}

/** The documented answer, with the interval of its rate. */
export interface BestAgent extends Rate, Times {
  readonly agent_name: string
  readonly model_name: string
  /** 0 to 1. Null if no attempt stated a confidence. */
  readonly avg_confidence: number | null
  /** 0 if no attempt stated a time. */
  readonly avg_time_seconds: number
}

/** The best key so far, and a copy of its numbers from the same read. */
interface Leader {
  entry: KeySummary | undefined
  numbers: KeyNumbers | undefined
  score: number
  tieBreak: number
}

function noLeader(): Leader {
  return { entry: undefined, numbers: undefined, score: LOWEST, tieBreak: LOWEST }
}

/** Returns a function that replaces the leader with a qualified key of a higher score. */
function updatesLeader(leader: Leader, options: BestAgentOptions): (candidate: KeySummary) => void {
  const { minAttempts = 5 } = options
  const criterion = criterionOf(options)
  return candidate => {
    if (!isQualified(candidate, minAttempts)) return
    const { summary } = candidate
    const score = criterion.score(summary, candidate.key)
    if (leader.entry !== undefined && score < leader.score) return
    const tieBreak = criterion.tieBreak(summary)
    if (leader.entry !== undefined && score === leader.score && tieBreak <= leader.tieBreak) return
    Object.assign(leader, { entry: candidate, numbers: numbersOf(summary), score, tieBreak })
  }
}

/** The reported numbers of a key. A consistent copy, taken in one read. */
interface KeyNumbers extends Counts {
  readonly confidence: number | null
  readonly timeSeconds: number
}

function numbersOf(summary: Summary): KeyNumbers {
  return { ...countsOf(summary), confidence: averageConfidence(summary), timeSeconds: averageTime(summary) }
}

/** The documented answer for one key. */
export function describeNumbers({ agent_name, model_name }: AttemptKey, numbers: KeyNumbers, times: Times): BestAgent {
  return {
    agent_name,
    model_name,
    ...rateOfCounts(numbers),
    avg_confidence: numbers.confidence,
    avg_time_seconds: numbers.timeSeconds,
    ...times,
  }
}

/** Whether a key has at least `minAttempts`, and at least one. */
export function isQualified({ summary }: KeySummary, minAttempts: number): boolean {
  return totalAttempts(summary) >= Math.max(1, minAttempts)
}

/** A higher score is better. The tie-break decides between equal scores. */
interface Criterion {
  readonly score: (summary: Summary, key: AttemptKey) => number
  readonly tieBreak: (summary: Summary) => number
}

const LOWEST = Number.NEGATIVE_INFINITY

function criterionOf({ rankBy = 'success_rate', shrunkRate }: BestAgentOptions): Criterion {
  if (rankBy !== 'shrunk') return CRITERIA[rankBy]
  if (shrunkRate === undefined) return CRITERIA.lower_bound
  return { score: (summary, key) => shrunkRate(key, countsOf(summary)), tieBreak: totalAttempts }
}

const CRITERIA: Record<Exclude<Ranking, 'shrunk'>, Criterion> = {
  success_rate: { score: successRate, tieBreak: summary => averageConfidence(summary) ?? 0 },
  lower_bound: {
    score: summary => rateInterval(countsOf(summary)).low,
    tieBreak: totalAttempts,
  },
  expected_cost: {
    score(summary) {
      const { reported, computed, sum } = costs(summary)
      const priced = reported + computed
      if (priced === 0 || successes(summary) === 0) return LOWEST
      return (-sum / priced) * (totalAttempts(summary) / successes(summary))
    },
    tieBreak: successRate,
  },
}

/** A candidate that may still be the best. */
export interface Contender extends Rate {
  readonly agent_name: string
  readonly model_name: string
  /** Posterior probability, 0 to 1, that it is the best by `decided_by`. */
  readonly p_best: number
  /** Mean cost per success. Null if unknown. */
  readonly cost_per_success: CostEstimate | null
}

/** The measure that decides the best agent. */
export const DECISIONS = ['success_rate', 'cost_per_success'] as const
export type Decision = (typeof DECISIONS)[number]

/** The best agent, and the evidence that it is the best. */
export interface DecidedBestAgent extends BestAgent {
  /** The rate shrunk over issue types and agents, in percent. Null unless ranked by it. */
  readonly shrunk_rate: number | null
  /** Mean cost per success. Null if unknown. */
  readonly cost_per_success: CostEstimate | null
  /**
   * The measure of `p_best`, `decisive`, `contenders` and `attempts_to_decide`. It is the cost per success if ranked by it and if the
   * agent's is known, otherwise the success rate.
   */
  readonly decided_by: Decision
  /** Posterior probability, 0 to 1, that it is the best by `decided_by`. */
  readonly p_best: number
  /** Percentage points of success rate that choosing this agent is expected to lose against the one with the highest rate. */
  readonly expected_loss: number
  /** Whether no other candidate may still be the best, at any number of looks. False if there is no other. */
  readonly decisive: boolean
  /** The candidates that may still be the best, highest `p_best` first. */
  readonly contenders: readonly Contender[]
  /** Further attempts per contender until the comparison is decisive with 80 % power. Null if unknown, see `decideBest`, and for costs. */
  readonly attempts_to_decide: number | null
}

/** Maximum number of compared candidates: the leader, and those with the highest upper interval bounds. */
const MAX_CANDIDATES = 300

/** The best of the given keys, with the evidence for it. Undefined if none qualifies. Takes about a millisecond for a hundred keys. */
export function decidedBestAgent(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): DecidedBestAgent | undefined {
  return runToCompletion(decidedBestSteps(summaries, options))
}

/** {@link decidedBestAgent} in steps. Reads the counts of each key once, so that they are consistent. */
export function* decidedBestSteps(
  summaries: readonly KeySummary[],
  options: BestAgentOptions = {},
): Steps<DecidedBestAgent | undefined> {
  const best = noLeader()
  const updateLeader = updatesLeader(best, options)
  const qualified: Candidate[] = []
  function read(entry: KeySummary): void {
    updateLeader(entry)
    if (isQualified(entry, options.minAttempts ?? 5)) qualified.push(candidateOf(entry, countsOf(entry.summary)))
  }
  yield* forEachKey(summaries, read)
  if (best.entry === undefined) return undefined
  const { entry, numbers } = best
  const { confidence: _, timeSeconds: __, ...counts } = numbers!
  const leader = candidateOf(entry, counts)
  const candidates = yield* closestCandidates(leader, qualified)
  const decision = yield* decisionSteps(candidates, qualified.length, options.rankBy === 'expected_cost')
  const others: Contender[] = []
  for (const { candidate, p_best } of decision.others) {
    others.push(contender(candidate, p_best))
    yield
  }
  return {
    ...describeNumbers(entry.key, numbers!, timesOf(entry.summary)),
    shrunk_rate: options.rankBy === 'shrunk' ? (options.shrunkRate?.(entry.key, leader) ?? null) : null,
    cost_per_success: costPerSuccess(leader),
    ...decision.evidence,
    contenders: others.sort((a, b) => b.p_best - a.p_best),
  }
}

/** The evidence for the first candidate, and the other contenders. */
interface Decided {
  readonly evidence: Pick<
    DecidedBestAgent,
    'decided_by' | 'p_best' | 'expected_loss' | 'decisive' | 'attempts_to_decide'
  >
  readonly others: readonly { readonly candidate: Candidate; readonly p_best: number }[]
}

function* decisionSteps(candidates: readonly Candidate[], family: number, byCost: boolean): Steps<Decided> {
  const { standings, contenders, decisive, attempts_to_decide } = yield* decideBestSteps(candidates, 0, family)
  const { p_best, expected_loss } = standings[0]!
  if (!byCost || costPerSuccess(candidates[0]!) === null) {
    return {
      evidence: { decided_by: 'success_rate', p_best, expected_loss, decisive, attempts_to_decide },
      others: contenders
        .filter(index => index !== 0)
        .map(index => ({ candidate: candidates[index]!, p_best: standings[index]!.p_best })),
    }
  }
  const ranking = yield* costRankingSteps(candidates, 0, family)
  const others = candidates
    .map((candidate, i) => ({ candidate, p_best: ranking.p_best[i]!, isOpen: ranking.contender[i]! && i !== 0 }))
    .filter(({ isOpen }) => isOpen)
  const isDecided = others.length === 0 && ranking.compared > 1
  return {
    evidence: {
      decided_by: 'cost_per_success',
      p_best: ranking.p_best[0]!,
      expected_loss,
      decisive: isDecided,
      attempts_to_decide: isDecided ? 0 : null,
    },
    others,
  }
}

/** A qualified key, and a copy of its counts. */
interface Candidate extends CostCounts {
  readonly entry: KeySummary
}

function candidateOf(entry: KeySummary, counts: Counts): Candidate {
  return { entry, ...counts, costs: costs(entry.summary) }
}

function costPerSuccess({ costs, ...counts }: CostCounts): CostEstimate | null {
  return costsOf(counts, costs).cost_per_success
}

/** The leader, then the other candidates. If there are too many, only those with the highest upper interval bounds. */
function* closestCandidates(leader: Candidate, candidates: readonly Candidate[]): Steps<readonly Candidate[]> {
  const others = candidates.filter(({ entry }) => entry !== leader.entry)
  if (others.length < MAX_CANDIDATES) return [leader, ...others]
  let closest: { readonly other: Candidate; readonly high: number }[] = []
  for (const [i, other] of others.entries()) {
    closest.push({ other, high: rateInterval(other).high })
    // Prunes regularly. A single sort of thousands of candidates would block the event loop.
    if (closest.length === 2 * MAX_CANDIDATES) closest = highest(closest)
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return [leader, ...highest(closest).map(({ other }) => other)]
}

function highest<T extends { readonly high: number }>(candidates: T[]): T[] {
  return candidates.sort((a, b) => b.high - a.high).slice(0, MAX_CANDIDATES - 1)
}

function contender({ entry, costs, ...counts }: Candidate, p_best: number): Contender {
  const { agent_name, model_name } = entry.key
  return {
    agent_name,
    model_name,
    ...rateOfCounts(counts),
    p_best,
    cost_per_success: costPerSuccess({ costs, ...counts }),
  }
}
