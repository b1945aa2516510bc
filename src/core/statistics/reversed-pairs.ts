/** Simpson's paradox: pairs of groups whose order at a common mix is the reverse of their crude order. */
import type { Steps } from '../steps.ts'
import { type StandardRate, subtract } from './standardise.ts'

/** Maximum number of reversed pairs in an answer: those with the largest adjusted difference. */
const MAX_REVERSED = 10
/** Rates in percent that differ by less are treated as equal. */
const ROUNDING = 1e-9

/** Two groups whose crude rates and adjusted rates have opposite orders (Simpson's paradox). */
export interface TurnedPair {
  /** The group with the higher adjusted rate and the lower crude rate. */
  readonly better: string
  readonly worse: string
  /** Crude rate of `better` minus that of `worse`, in percentage points. Below 0. */
  readonly difference: number
  /** Adjusted rate of `better` minus that of `worse`, in percentage points. Above 0. */
  readonly adjusted_difference: number
  /** 95 % interval of the adjusted difference. If it contains 0, the reversal is not significant. */
  readonly adjusted_difference_interval: { readonly low: number; readonly high: number; readonly method: 'mover' }
}

/** The rates of a group in percent. The adjusted one is null if the group is not compared. */
interface GroupRates {
  readonly name: string
  readonly success_rate: number
  readonly adjusted_rate: number | null
}

/**
 * The reversed pairs with the largest adjusted differences. Thousands of groups have millions of pairs: the loop compares
 * two typed arrays, and creates objects only for pairs that can be in the answer.
 */
export function* reversedPairs(
  rates: readonly GroupRates[],
  adjusted: ReadonlyMap<string, StandardRate>,
): Steps<readonly TurnedPair[]> {
  const compared = rates.filter(({ name }) => adjusted.has(name))
  const crude = Float64Array.from(compared, ({ success_rate }) => success_rate)
  const fair = Float64Array.from(compared, ({ adjusted_rate }) => adjusted_rate!)
  const lowest = fair.reduce((least, rate) => Math.min(least, rate), Number.POSITIVE_INFINITY)
  let largest: readonly TurnedPair[] = []
  for (const [i, a] of compared.entries()) {
    // Skips a group whose difference to the lowest rate is smaller than every difference found so far.
    const least = largest.length < MAX_REVERSED ? ROUNDING : largest.at(-1)!.adjusted_difference - ROUNDING
    if (fair[i]! - lowest < least) continue
    const pairs: TurnedPair[] = []
    for (let j = 0; j < fair.length; j++) {
      const isReversed = fair[i]! > fair[j]! + ROUNDING && crude[i]! < crude[j]!
      if (isReversed && fair[i]! - fair[j]! >= least) pairs.push(reversedPair(a, compared[j]!, adjusted))
    }
    largest = [...largest, ...pairs].sort(byAdjustedDifference).slice(0, MAX_REVERSED)
    yield
  }
  return largest
}

function byAdjustedDifference(a: TurnedPair, b: TurnedPair): number {
  return b.adjusted_difference - a.adjusted_difference
}

function reversedPair(a: GroupRates, b: GroupRates, adjusted: ReadonlyMap<string, StandardRate>): TurnedPair {
  const { difference, low, high } = subtract(adjusted.get(a.name)!, adjusted.get(b.name)!)
  return {
    better: a.name,
    worse: b.name,
    difference: a.success_rate - b.success_rate,
    adjusted_difference: difference * 100,
    adjusted_difference_interval: { low: low * 100, high: high * 100, method: 'mover' },
  }
}
