/**
 * All candidates for an issue type, or for all issue types, with the evidence for their order. Longer than 250 lines because the fields of the
 * answer are described where they are computed.
 */
import {
  averageConfidence,
  averageTime,
  costs,
  createSummary,
  mergeInto,
  type Summary,
  totalAttempts,
} from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { decideBestSteps } from '../statistics/best.ts'
import { type CostEstimate, costsOf } from '../statistics/cost.ts'
import type { Counts } from '../statistics/counts.ts'
import { fairComparisonSteps } from '../statistics/fair-comparison.ts'
import { type RateInterval, rateInterval } from '../statistics/intervals.ts'
import type { Strata } from '../statistics/standardise.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'
import { percentOfCounts, type Rate, rateOfCounts } from './rate.ts'
import { sortedSteps } from './sorted.ts'
import { type Times, timesOf } from './times.ts'

/**
 * What the evidence says of a candidate. `could_be_best`: the leader, and those that the data do not distinguish from it. `told_apart`: worse
 * than the leader. `not_compared`: shares no issue type with the leader. `too_few`: has fewer attempts than `min_attempts`.
 */
export const LEADERBOARD_GROUPS = ['could_be_best', 'told_apart', 'not_compared', 'too_few'] as const
export type LeaderboardGroup = (typeof LEADERBOARD_GROUPS)[number]

/** An agent with a model. */
export interface LeaderboardRow extends Rate, Times {
  readonly agent_name: string
  readonly model_name: string
  readonly group: LeaderboardGroup
  /** The rate at the common mix of issue types, in percent. Null for a single issue type, and if it is not compared. */
  readonly adjusted_rate: number | null
  readonly adjusted_rate_interval: RateInterval | null
  /** Posterior probability, 0 to 1, that it is the best at the issue type. Null over several issue types, and if it is not compared. */
  readonly p_best: number | null
  readonly avg_confidence: number | null
  readonly avg_time_seconds: number
  /** Mean cost per success. Null if unknown. */
  readonly cost_per_success: CostEstimate | null
}

export interface Leaderboard {
  /** The issue type that the candidates are compared at. Null: the same mix of several. */
  readonly compared_at: string | null
  /** The number of issue types in which all compared candidates have attempts. */
  readonly compared_issue_types: number
  /** Whether no other candidate may still be the best, at any number of looks. */
  readonly decisive: boolean
  /** Further attempts per contender until it is decided with 80 % power. Null if unknown, and over several issue types. */
  readonly attempts_to_decide: number | null
  /** The number of candidates by group. */
  readonly groups: Readonly<Record<LeaderboardGroup, number>>
  /** The leader first, by group and rate: at most `limit`. */
  readonly rows: readonly LeaderboardRow[]
}

export interface LeaderboardOptions {
  /** Candidates with fewer attempts are not compared. 5 by default. */
  readonly minAttempts?: number | undefined
  /** The issue type of all keys, if one was asked for. */
  readonly issueType?: string | undefined
  /** The maximum number of rows. 200 by default. */
  readonly limit?: number | undefined
}

/** The leaderboard of these keys. With keys of several issue types, candidates are compared at the same mix of issue types. */
export function leaderboard(summaries: readonly KeySummary[], options: LeaderboardOptions = {}): Leaderboard {
  return runToCompletion(leaderboardSteps(summaries, options))
}

/** {@link leaderboard} in steps. */
export function* leaderboardSteps(
  summaries: readonly KeySummary[],
  options: LeaderboardOptions = {},
): Steps<Leaderboard> {
  const { minAttempts = 5, limit = 200 } = options
  const { candidates, issueTypes } = yield* candidatesOf(summaries)
  const enough = candidates.filter(({ counts }) => counts.attempts >= minAttempts)
  const issueType = options.issueType ?? (issueTypes.size === 1 ? [...issueTypes][0] : undefined)
  const compared = issueType !== undefined ? yield* compareSteps(enough) : yield* compareAtSameMix(enough)
  const ranks = new Map<Candidate, Rank>(compared.ranks)
  const entries = candidates.map(candidate => ({
    candidate,
    rank: ranks.get(candidate) ?? rankOfRest(candidate, minAttempts),
  }))
  const groups = { could_be_best: 0, told_apart: 0, not_compared: 0, too_few: 0 }
  for (const { rank } of entries) groups[rank.group]++
  const sorted = yield* sortedSteps(entries, inOrder)
  const rows: LeaderboardRow[] = []
  for (const { candidate, rank } of sorted.slice(0, limit)) {
    rows.push(rowOf(candidate, rank))
    yield
  }
  return {
    compared_at: issueType ?? null,
    compared_issue_types: compared.issueTypes,
    decisive: compared.decisive,
    attempts_to_decide: compared.attempts_to_decide,
    groups,
    rows,
  }
}

/** An agent with a model, and copies of its counts from one read. */
interface Candidate {
  readonly key: Pick<AttemptKey, 'agent_name' | 'model_name'>
  readonly counts: Counts
  readonly summary: Summary
  readonly strata: Strata
}

interface Rank {
  readonly group: LeaderboardGroup
  readonly isLeader: boolean
  /** In percent: what the order within a group goes by. */
  readonly rate: number
  readonly p_best: number | null
  readonly adjusted_rate: number | null
  readonly adjusted_rate_interval: RateInterval | null
}

interface Compared extends Pick<Leaderboard, 'decisive' | 'attempts_to_decide'> {
  readonly ranks: readonly (readonly [Candidate, Rank])[]
  readonly issueTypes: number
}

interface Candidates {
  readonly candidates: readonly Candidate[]
  readonly issueTypes: ReadonlySet<string>
}

/** Keys merged between two yields. */
const MERGES_PER_STEP = 25

function* candidatesOf(summaries: readonly KeySummary[]): Steps<Candidates> {
  const keys = new Map<string, KeySummary[]>()
  const issueTypes = new Set<string>()
  function add(one: KeySummary): void {
    if (totalAttempts(one.summary) === 0) return
    const { agent_name, model_name, issue_type } = one.key
    const id = `${agent_name}\u0000${model_name}`
    const known = keys.get(id)
    if (known === undefined) keys.set(id, [one])
    else known.push(one)
    issueTypes.add(issue_type)
  }
  yield* forEachKey(summaries, add)
  const candidates: Candidate[] = []
  let merged = 0
  for (const own of keys.values()) {
    const summary = createSummary()
    const strata = new Map<string, Counts>()
    for (const one of own) {
      mergeInto(summary, one.summary)
      strata.set(one.key.issue_type, countsOf(one.summary))
      if (++merged % MERGES_PER_STEP === 0) yield
    }
    candidates.push({ key: own[0]!.key, counts: countsOf(summary), summary, strata })
  }
  return { candidates, issueTypes }
}

/** Candidates that are tested against the leader: those with the highest upper ends of their intervals. The others are in the group `told_apart`. */
const MAX_TESTED = 300

/** Compares the rates at one issue type. */
function* compareSteps(candidates: readonly Candidate[]): Steps<Compared> {
  if (candidates.length === 0) return { ranks: [], issueTypes: 0, decisive: false, attempts_to_decide: null }
  const leader = candidates.reduce((best, one) => (isAhead(one, best) ? one : best))
  const closest = yield* sortedSteps(
    candidates.filter(one => one !== leader).map(one => ({ one, high: rateInterval(one.counts).high })),
    (a, b) => b.high - a.high,
  )
  const tested = [leader, ...closest.slice(0, MAX_TESTED - 1).map(({ one }) => one)]
  const best = yield* decideBestSteps(
    tested.map(({ counts }) => counts),
    0,
    candidates.length,
  )
  const open = new Set(best.contenders)
  const ranks = tested.map((one, i) => {
    const group: LeaderboardGroup = open.has(i) ? 'could_be_best' : 'told_apart'
    return [one, { ...plainRank(one, group, one === leader), p_best: best.standings[i]!.p_best }] as const
  })
  const untested = closest.slice(MAX_TESTED - 1).map(({ one }) => [one, plainRank(one, 'told_apart')] as const)
  const { decisive, attempts_to_decide } = best
  return { ranks: [...ranks, ...untested], issueTypes: 1, decisive, attempts_to_decide }
}

/** The documented ranking: by rate, then by average confidence. */
function isAhead(one: Candidate, other: Candidate): boolean {
  const difference = percentOfCounts(one.counts) - percentOfCounts(other.counts)
  if (difference !== 0) return difference > 0
  return (averageConfidence(one.summary) ?? 0) > (averageConfidence(other.summary) ?? 0)
}

/** Compares the rates at the common mix of issue types. */
function* compareAtSameMix(candidates: readonly Candidate[]): Steps<Compared> {
  const named = new Map(candidates.map((candidate, i) => [String(i), candidate]))
  const { rates, strata, best } = yield* fairComparisonSteps(
    new Map([...named].map(([name, one]) => [name, one.strata])),
  )
  const open = new Set(best?.contenders)
  const ranks: (readonly [Candidate, Rank])[] = []
  for (const { name, adjusted_rate, adjusted_rate_interval } of rates) {
    const candidate = named.get(name)!
    const isLeader = name === best?.name
    const isOpen = isLeader || open.has(name)
    const group: LeaderboardGroup = adjusted_rate === null ? 'not_compared' : isOpen ? 'could_be_best' : 'told_apart'
    const plain = plainRank(candidate, group, isLeader)
    ranks.push([candidate, { ...plain, rate: adjusted_rate ?? plain.rate, adjusted_rate, adjusted_rate_interval }])
    if (ranks.length % KEYS_PER_STEP === 0) yield
  }
  return { ranks, issueTypes: strata.length, decisive: best?.decisive ?? false, attempts_to_decide: null }
}

function plainRank({ counts }: Candidate, group: LeaderboardGroup, isLeader = false): Rank {
  const rate = percentOfCounts(counts)
  return { group, isLeader, rate, p_best: null, adjusted_rate: null, adjusted_rate_interval: null }
}

const rankOfRest = (candidate: Candidate, minAttempts: number): Rank =>
  plainRank(candidate, candidate.counts.attempts < minAttempts ? 'too_few' : 'not_compared')

interface Entry {
  readonly candidate: Candidate
  readonly rank: Rank
}

/** The leader, then by group, rate and attempts. */
function inOrder(a: Entry, b: Entry): number {
  if (a.rank.isLeader !== b.rank.isLeader) return a.rank.isLeader ? -1 : 1
  const groups = LEADERBOARD_GROUPS.indexOf(a.rank.group) - LEADERBOARD_GROUPS.indexOf(b.rank.group)
  return groups || b.rank.rate - a.rank.rate || b.candidate.counts.attempts - a.candidate.counts.attempts
}

function rowOf({ key, counts, summary }: Candidate, rank: Rank): LeaderboardRow {
  const { group, p_best, adjusted_rate, adjusted_rate_interval } = rank
  return {
    agent_name: key.agent_name,
    model_name: key.model_name,
    group,
    ...rateOfCounts(counts),
    adjusted_rate,
    adjusted_rate_interval,
    p_best,
    avg_confidence: averageConfidence(summary),
    avg_time_seconds: averageTime(summary),
    ...timesOf(summary),
    cost_per_success: costsOf(counts, costs(summary)).cost_per_success,
  }
}
