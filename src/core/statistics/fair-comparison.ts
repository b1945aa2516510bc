/** Compares the success rates of groups at the same mix of strata, such as agents at the same mix of issue types. */
import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { decisiveEvidence, exclusionSteps } from './closed-testing.ts'
import { type TaskDifference, taskDifference } from './compared-tasks.ts'
import { effectiveCounts, rateOf } from './counts.ts'
import { type RateInterval, rateInterval } from './intervals.ts'
import { reversedPairs, type TurnedPair } from './reversed-pairs.ts'
import { asPercent, type StandardRate, type Strata, standardRate, total } from './standardise.ts'
import { type CountsPair, superioritySteps } from './superiority.ts'

const ALPHA = 0.05

/** The crude and the adjusted rate of one group. Rates in percent. */
export interface FairRate {
  readonly name: string
  /** The crude rate: over all attempts of the group, at its own mix of strata. */
  readonly success_rate: number
  readonly success_rate_interval: RateInterval
  readonly total_attempts: number
  /** Tasks, and attempts that state none. Absent if no task repeats. */
  readonly clusters?: number | undefined
  /** Independent attempts that carry the same information as all attempts of the group. Absent if no task repeats. */
  readonly effective_attempts?: number | undefined
  /** The rate at the common mix of strata. Null if the group is left out of the comparison. */
  readonly adjusted_rate: number | null
  readonly adjusted_rate_interval: RateInterval | null
  /** Attempts of the group in the shared strata. The adjusted rate uses only these. */
  readonly compared_attempts: number
}

/** The group with the highest adjusted rate, and the evidence for it. */
export interface FairBest {
  readonly name: string
  /** Whether no other compared group may still be among the best, at any number of looks. */
  readonly decisive: boolean
  /** The groups that may still be among the best, best first. */
  readonly contenders: readonly string[]
}

/** The best group compared with another one, task by task. The difference is above 0 if `better` solves more. */
export interface NamedTaskDifference extends TaskDifference {
  readonly better: string
  readonly worse: string
}

/** Groups compared at a common mix of strata. */
export interface FairComparison {
  /** The strata in which every compared group has attempts. */
  readonly strata: readonly string[]
  /** All groups, in the order given. */
  readonly rates: readonly FairRate[]
  /** Null if no groups are compared. */
  readonly best: FairBest | null
  /** The best group compared with each other compared group, task by task. Absent if they share fewer than 10 tasks. */
  readonly by_task?: readonly NamedTaskDifference[] | undefined
  /** Reversed pairs, largest adjusted difference first, at most 10. Empty if the crude ranking holds. */
  readonly turned_over: readonly TurnedPair[]
}

/**
 * Compares rates at a common mix of strata: the mix of all attempts of the compared groups. Only strata in which every
 * compared group has attempts are used. The compared groups are those with attempts in the commonest stratum. That is the
 * stratum of the most groups, and of several the one with the most attempts. Other groups are left out. If no two groups
 * share a stratum, nothing is compared.
 */
export function compareFairly(groups: ReadonlyMap<string, Strata>): FairComparison {
  return runToCompletion(fairComparisonSteps(groups))
}

/** {@link compareFairly} in steps. */
export function* fairComparisonSteps(groups: ReadonlyMap<string, Strata>): Steps<FairComparison> {
  const compared = yield* groupsWithCommonestStratum(groups)
  const shared = sharedStrata(compared)
  yield
  const weights = new Map<string, number>()
  for (const stratum of shared) {
    weights.set(stratum, total([...compared.values()].map(strata => strata.get(stratum)!)).attempts)
    yield
  }
  const adjusted = new Map<string, StandardRate>()
  for (const [name, strata] of compared) {
    adjusted.set(name, standardRate(strata, weights))
    yield
  }
  const rates: FairRate[] = []
  for (const [name, strata] of groups) {
    rates.push(toRate(name, strata, adjusted.get(name), shared))
    yield
  }
  const best = yield* bestOf(compared, adjusted, shared)
  const by_task = best === null ? [] : yield* taskDifferences(best.name, compared)
  const turned_over = yield* reversedPairs(rates, adjusted)
  return { strata: shared, rates, best, ...(by_task.length > 0 && { by_task }), turned_over }
}

function* taskDifferences(best: string, compared: ReadonlyMap<string, Strata>): Steps<NamedTaskDifference[]> {
  const first = total(compared.get(best)!.values())
  const differences: NamedTaskDifference[] = []
  for (const [name, strata] of compared) {
    const difference = name === best ? undefined : taskDifference(first, total(strata.values()))
    if (difference !== undefined) differences.push({ better: best, worse: name, ...difference })
    yield
  }
  return differences
}

function* groupsWithCommonestStratum(groups: ReadonlyMap<string, Strata>): Steps<Map<string, Strata>> {
  const { commonest, groupCount } = yield* commonestStratum(groups)
  const compared = new Map<string, Strata>()
  if (groupCount < 2) return compared
  for (const [name, strata] of groups) {
    if (hasAttempts(strata, commonest)) compared.set(name, strata)
    yield
  }
  return compared
}

function* commonestStratum(
  groups: ReadonlyMap<string, Strata>,
): Steps<{ readonly commonest: string; readonly groupCount: number }> {
  const usage = new Map<string, { groups: number; attempts: number }>()
  for (const strata of groups.values()) {
    for (const [stratum, { attempts }] of strata) {
      if (!(attempts > 0)) continue
      const used = usage.get(stratum) ?? { groups: 0, attempts: 0 }
      used.groups++
      used.attempts += attempts
      usage.set(stratum, used)
    }
    yield
  }
  let [commonest, most] = ['', { groups: 0, attempts: 0 }]
  for (const [stratum, used] of usage) {
    const isMore = used.groups > most.groups || (used.groups === most.groups && used.attempts > most.attempts)
    if (isMore) [commonest, most] = [stratum, used]
  }
  return { commonest, groupCount: most.groups }
}

function sharedStrata(compared: ReadonlyMap<string, Strata>): string[] {
  const all = [...compared.values()]
  return [...(all[0]?.keys() ?? [])].filter(stratum => all.every(strata => hasAttempts(strata, stratum)))
}

function hasAttempts(strata: Strata, stratum: string): boolean {
  return (strata.get(stratum)?.attempts ?? 0) > 0
}

function toRate(name: string, strata: Strata, adjusted: StandardRate | undefined, shared: readonly string[]): FairRate {
  const all = total(strata.values())
  const counted = shared.map(stratum => strata.get(stratum) ?? { successes: 0, attempts: 0 })
  return {
    name,
    success_rate: rateOf(all) * 100,
    success_rate_interval: rateInterval(all),
    total_attempts: all.attempts,
    ...(all.clusters !== undefined && { clusters: all.clusters, effective_attempts: all.effective_attempts }),
    adjusted_rate: adjusted === undefined ? null : adjusted.rate * 100,
    adjusted_rate_interval: adjusted === undefined ? null : asPercent(adjusted),
    compared_attempts: adjusted === undefined ? 0 : total(counted).attempts,
  }
}

/**
 * The leader at the common mix, and the groups that may still be among the best. Anytime-valid: consider a group that no other exceeds in
 * any stratum. Over all looks together, it is excluded with probability at most 5 %. Assignment within a stratum may be adaptive. Which
 * strata are shared must not depend on the outcomes.
 */
function* bestOf(
  compared: ReadonlyMap<string, Strata>,
  adjusted: ReadonlyMap<string, StandardRate>,
  shared: readonly string[],
): Steps<FairBest | null> {
  const [name, ...others] = yield* sortedSteps(
    [...adjusted.keys()],
    (a, b) => adjusted.get(b)!.rate - adjusted.get(a)!.rate,
  )
  if (name === undefined) return null
  const first = compared.get(name)!
  const least = decisiveEvidence(compared.size, ALPHA)
  const logEvidence: number[] = []
  for (const other of others) {
    const second = compared.get(other)!
    const pairs = shared.map(
      (stratum): CountsPair => [effectiveCounts(first.get(stratum)!), effectiveCounts(second.get(stratum)!)],
    )
    logEvidence.push(
      adjusted.get(other)!.rate < adjusted.get(name)!.rate ? yield* superioritySteps(pairs, least) : NONE,
    )
    yield
  }
  const excluded = yield* exclusionSteps(logEvidence, compared.size, ALPHA)
  const contenders = others.filter((_, i) => !excluded[i])
  return { name, decisive: contenders.length === 0, contenders }
}

/** The logarithm of no evidence. */
const NONE = Number.NEGATIVE_INFINITY
