import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { rateOf } from './counts.ts'
import { normalTwoSided } from './distributions.ts'
import { type RateInterval, wilsonInterval } from './intervals.ts'
import { mantelHaenszel } from './mantel-haenszel.ts'
import { holmSteps } from './multiple.ts'
import { asPercent, type StandardRate, type Strata, standardRate, subtract, total } from './standardise.ts'

const ALPHA = 0.05
/** So many turned pairs are named: the clearest ones. */
const MOST_TURNED = 10
/** Rates in percent that are closer than this are the same. */
const ROUNDING = 1e-9

/** One of those compared. Rates in percent. */
export interface FairRate {
  readonly name: string
  /** Over all its attempts, at its own mix. */
  readonly success_rate: number
  readonly success_rate_interval: RateInterval
  readonly total_attempts: number
  /** At the common mix; null where it shares no stratum with the others. */
  readonly adjusted_rate: number | null
  readonly adjusted_rate_interval: RateInterval | null
  /** How many of its attempts are in the strata all share: the adjusted rate rests on these alone. */
  readonly compared_attempts: number
}

/** A pair of which the plain rates name one as better and the rates at the same mix the other (Simpson's paradox). */
export interface TurnedPair {
  /** Better at the same mix, and worse by the plain rate. */
  readonly better: string
  readonly worse: string
  /** Percentage points by which `better` is ahead: below 0 by the plain rates, above 0 at the same mix. */
  readonly difference: number
  readonly adjusted_difference: number
  /** 95 % interval of the adjusted difference: where it holds 0 the warning is a hint, no finding. */
  readonly adjusted_difference_interval: { readonly low: number; readonly high: number; readonly method: 'mover' }
}

/** Who does best at the same mix, and how sure that is. */
export interface FairBest {
  readonly name: string
  /** Whether it can be told from all others that are compared (Mantel and Haenszel's test, Holm's correction). */
  readonly decisive: boolean
  /** Those it cannot be told from, best first. */
  readonly contenders: readonly string[]
}

/** Several compared at the same mix of strata. */
export interface FairComparison {
  /** The strata all of those compared have attempts in. */
  readonly strata: readonly string[]
  /** In the order given. */
  readonly rates: readonly FairRate[]
  /** Null where nobody is compared. */
  readonly best: FairBest | null
  /** Pairs whose order turns over, the largest adjusted difference first, at most 10. Empty: the plain ranking stands. */
  readonly turned_over: readonly TurnedPair[]
}

/**
 * Compares rates at one mix of strata: the mix of all attempts that are compared. Only strata count in which each of
 * those compared has attempts. Where no stratum is shared by all, those are compared who share the stratum that most
 * have (of several, the one with the most attempts), and the others are left out. Nobody is compared with nobody.
 */
export function compareFairly(groups: ReadonlyMap<string, Strata>): FairComparison {
  return runToCompletion(fairComparisonSteps(groups))
}

/** {@link compareFairly} in steps. */
export function* fairComparisonSteps(groups: ReadonlyMap<string, Strata>): Steps<FairComparison> {
  const compared = yield* holdersOfCommonest(groups)
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
  return { strata: shared, rates, best, turned_over: yield* turnedPairs(rates, adjusted) }
}

function* holdersOfCommonest(groups: ReadonlyMap<string, Strata>): Steps<Map<string, Strata>> {
  const held = new Map<string, { holders: number; attempts: number }>()
  for (const strata of groups.values()) {
    for (const [stratum, { attempts }] of strata) {
      if (!(attempts > 0)) continue
      const known = held.get(stratum) ?? { holders: 0, attempts: 0 }
      known.holders++
      known.attempts += attempts
      held.set(stratum, known)
    }
    yield
  }
  let [commonest, most] = ['', { holders: 0, attempts: 0 }]
  for (const [stratum, its] of held) {
    const isMore = its.holders > most.holders || (its.holders === most.holders && its.attempts > most.attempts)
    if (isMore) [commonest, most] = [stratum, its]
  }
  const holders = new Map<string, Strata>()
  if (most.holders < 2) return holders
  for (const [name, strata] of groups) {
    if (has(strata, commonest)) holders.set(name, strata)
    yield
  }
  return holders
}

function sharedStrata(compared: ReadonlyMap<string, Strata>): string[] {
  const all = [...compared.values()]
  return [...(all[0]?.keys() ?? [])].filter(stratum => all.every(strata => has(strata, stratum)))
}

function has(strata: Strata, stratum: string): boolean {
  return (strata.get(stratum)?.attempts ?? 0) > 0
}

function toRate(name: string, strata: Strata, adjusted: StandardRate | undefined, shared: readonly string[]): FairRate {
  const all = total(strata.values())
  const counted = shared.map(stratum => strata.get(stratum) ?? { successes: 0, attempts: 0 })
  return {
    name,
    success_rate: rateOf(all) * 100,
    success_rate_interval: wilsonInterval(all.successes, all.attempts),
    total_attempts: all.attempts,
    adjusted_rate: adjusted === undefined ? null : adjusted.rate * 100,
    adjusted_rate_interval: adjusted === undefined ? null : asPercent(adjusted),
    compared_attempts: adjusted === undefined ? 0 : total(counted).attempts,
  }
}

/** Because the data chose the best one, the family of questions is every pair of those compared. */
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
  const ahead: number[] = []
  for (const other of others) {
    ahead.push(mantelHaenszel(compared.get(name)!, compared.get(other)!, shared))
    yield
  }
  const pairs = (compared.size * (compared.size - 1)) / 2
  const pValues = yield* holmSteps(ahead.map(normalTwoSided), pairs)
  const contenders = others.filter((_, i) => ahead[i]! <= 0 || pValues[i]! > ALPHA)
  return { name, decisive: contenders.length === 0, contenders }
}

/** Of thousands that are compared there are millions of pairs: all are looked at, and no more is made than the clearest need. */
function* turnedPairs(
  rates: readonly FairRate[],
  adjusted: ReadonlyMap<string, StandardRate>,
): Steps<readonly TurnedPair[]> {
  const compared = rates.filter(({ name }) => adjusted.has(name))
  const plain = Float64Array.from(compared, ({ success_rate }) => success_rate)
  const fair = Float64Array.from(compared, ({ adjusted_rate }) => adjusted_rate!)
  const lowest = fair.reduce((least, rate) => Math.min(least, rate), Number.POSITIVE_INFINITY)
  let clearest: readonly TurnedPair[] = []
  for (const [i, a] of compared.entries()) {
    // Who is not as far above the worst as the last of those named is above its other can make no clearer pair.
    const least = clearest.length < MOST_TURNED ? ROUNDING : clearest.at(-1)!.adjusted_difference - ROUNDING
    if (fair[i]! - lowest < least) continue
    const pairs: TurnedPair[] = []
    for (let j = 0; j < fair.length; j++) {
      const isTurned = fair[i]! > fair[j]! + ROUNDING && plain[i]! < plain[j]!
      if (isTurned && fair[i]! - fair[j]! >= least) pairs.push(turnedPair(a, compared[j]!, adjusted))
    }
    clearest = [...clearest, ...pairs].sort(byAdjustedDifference).slice(0, MOST_TURNED)
    yield
  }
  return clearest
}

function byAdjustedDifference(a: TurnedPair, b: TurnedPair): number {
  return b.adjusted_difference - a.adjusted_difference
}

function turnedPair(a: FairRate, b: FairRate, adjusted: ReadonlyMap<string, StandardRate>): TurnedPair {
  const { difference, low, high } = subtract(adjusted.get(a.name)!, adjusted.get(b.name)!)
  return {
    better: a.name,
    worse: b.name,
    difference: a.success_rate - b.success_rate,
    adjusted_difference: difference * 100,
    adjusted_difference_interval: { low: low * 100, high: high * 100, method: 'mover' },
  }
}
