import { createTaskSketch, mergeTasks, type TaskSketch } from '../aggregate/task-sketch.ts'
import { clusteredCounts, type TaskCounts } from './clusters.ts'
import { effectiveCounts, rateOf } from './counts.ts'
import { type RateInterval, wilsonBounds } from './intervals.ts'

/** Counts by stratum, for example by issue type. */
export type Strata = ReadonlyMap<string, TaskCounts>

/** A directly standardized rate and its 95 % interval, as fractions, 0 to 1. */
export interface StandardRate {
  readonly rate: number
  readonly low: number
  readonly high: number
}

/**
 * The rate of `strata` standardized to the mix `weights` (above 0, any sum). Every stratum of `weights` must have attempts.
 * The interval is Wilson's with the effective sample size: the attempts at which a crude rate has the same variance. The
 * variance adds one success and one failure to each stratum (Laplace). Without them, 1 of 1 would have no variance.
 * Source: direct standardization, P. Armitage and G. Berry, Statistical Methods in Medical Research (1994);
 * effective sample size, N. Dean and M. Pagano, J. Surv. Stat. Methodol. 3 (2015).
 */
export function standardRate(strata: Strata, weights: ReadonlyMap<string, number>): StandardRate {
  const used = [...weights].map(([stratum, weight]) => ({ weight, counts: effectiveCounts(strata.get(stratum)!) }))
  const weightSum = used.reduce((sum, { weight }) => sum + weight, 0)
  let [rate, shrunk, variance] = [0, 0, 0]
  for (const { weight, counts } of used) {
    const share = weight / weightSum
    const stratum = (counts.successes + 1) / (counts.attempts + 2)
    rate += share * rateOf(counts)
    shrunk += share * stratum
    variance += (share * share * stratum * (1 - stratum)) / counts.attempts
  }
  rate = Math.min(1, rate)
  const attempts = (shrunk * (1 - shrunk)) / variance
  return { rate, ...wilsonBounds({ successes: rate * attempts, attempts }) }
}

/** `a` minus `b`, with the interval computed from both intervals (MOVER). Source: R. G. Newcombe, Stat. Med. 17 (1998), method 10. */
export function subtract(
  a: StandardRate,
  b: StandardRate,
): { readonly difference: number; readonly low: number; readonly high: number } {
  const difference = a.rate - b.rate
  return {
    difference,
    low: difference - Math.hypot(a.rate - a.low, b.high - b.rate),
    high: difference + Math.hypot(a.high - a.rate, b.rate - b.low),
  }
}

/** The sum of `counts`, clustered by the tasks of all of them. */
export function total(counts: Iterable<TaskCounts>): TaskCounts {
  let [successes, attempts] = [0, 0]
  let tasks: TaskSketch | undefined
  for (const each of counts) {
    successes += each.successes
    attempts += each.attempts
    if (each.tasks === undefined) continue
    tasks ??= createTaskSketch()
    mergeTasks(tasks, each.tasks)
  }
  return { ...clusteredCounts({ successes, attempts }, tasks), tasks }
}

/** The interval of a standardized rate in percent, 0 to 100. */
export function asPercent({ low, high }: StandardRate): RateInterval {
  return { low: low * 100, high: high * 100, method: 'wilson' }
}
