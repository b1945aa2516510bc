import { DURATION_BOUNDS } from '../aggregate/histogram-bounds.ts'
import type { Counts } from './counts.ts'
import { regularizedBeta } from './special-functions.ts'

/** Median and 95th percentile of times in seconds, from the buckets of the duration histogram. */
export interface TimeQuantiles {
  /** Attempts whose time is in the histogram. */
  readonly attempts: number
  /** Within the bucket of the sample's quantile: off by a factor below 2, or by 0.1 s. Null above the highest bound, 3,276.8 s. */
  readonly p50: number | null
  readonly p50_interval: QuantileInterval
  readonly p95: number | null
  readonly p95_interval: QuantileInterval
}

/** A 95 % interval of a quantile. Its ends are bounds of buckets. */
export interface QuantileInterval {
  readonly low: number
  /** Null if the sample has no upper limit: it is too small, or times above the highest bound count. */
  readonly high: number | null
  readonly method: 'order_statistic'
}

/** The number of buckets of the duration histogram. */
export const DURATION_BUCKETS: number = DURATION_BOUNDS.length + 1

/**
 * The quantiles of the times counted in `buckets`. Null if there are none.
 *
 * An interval is that of two order statistics, widened to the bounds of their buckets. It therefore contains the true quantile in at least
 * 95 % of cases for any distribution. Where tasks repeat, all runs of a task count as equal, as in `clusteredSums`: the ranks are those of as
 * many attempts as there would be if each task had run once.
 * Source: W. R. Thompson, Ann. Math. Stat. 7 (1936); G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), 5.2; clustered,
 * R. S. Woodruff, J. Am. Stat. Assoc. 47 (1952).
 */
export function timeQuantiles(
  buckets: ArrayLike<number>,
  { runs_per_cluster = 1 }: Pick<Counts, 'runs_per_cluster'> = {},
): TimeQuantiles | null {
  let attempts = 0
  for (let i = 0; i < DURATION_BUCKETS; i++) attempts += buckets[i]!
  if (!(attempts > 0)) return null
  const clusters = Math.max(1, Math.floor(attempts / Math.max(1, runs_per_cluster)))
  return {
    attempts,
    p50: quantile(buckets, attempts, 0.5),
    p50_interval: interval(buckets, attempts, 0.5, clusters),
    p95: quantile(buckets, attempts, 0.95),
    p95_interval: interval(buckets, attempts, 0.95, clusters),
  }
}

const upperBound = (bucket: number): number | null => DURATION_BOUNDS[bucket] ?? null
const lowerBound = (bucket: number): number => (bucket === 0 ? 0 : DURATION_BOUNDS[bucket - 1]!)

/** Interpolates within the bucket: linearly in the first, which begins at 0, and on the log scale in the others. */
function quantile(buckets: ArrayLike<number>, attempts: number, p: number): number | null {
  const rank = p * attempts
  const bucket = bucketOfRank(buckets, Math.max(1, Math.ceil(rank)))
  const [low, high] = [lowerBound(bucket), upperBound(bucket)]
  if (high === null) return null
  let below = 0
  for (let i = 0; i < bucket; i++) below += buckets[i]!
  const share = Math.min(1, Math.max(0, (rank - below) / buckets[bucket]!))
  return low === 0 ? high * share : low * (high / low) ** share
}

/** `clusters` of equal values each, at most the attempts: the k-th smallest of them ends at rank k times their size. */
function interval(buckets: ArrayLike<number>, attempts: number, p: number, clusters: number): QuantileInterval {
  const { lower, upper } = ranks(clusters, p)
  const size = attempts / clusters
  const low = lower < 1 ? 0 : lowerBound(bucketOfRank(buckets, Math.floor((lower - 1) * size) + 1))
  const high = upper > clusters ? null : upperBound(bucketOfRank(buckets, Math.ceil(upper * size)))
  return { low, high, method: 'order_statistic' }
}

/** The bucket of the value of this rank, from 1 on. */
function bucketOfRank(buckets: ArrayLike<number>, rank: number): number {
  let counted = 0
  for (let i = 0; i < DURATION_BUCKETS; i++) {
    counted += buckets[i]!
    if (counted >= rank) return i
  }
  return DURATION_BUCKETS - 1
}

/** The probability that either rank misses the quantile. */
const TAIL = 0.025
const Z = 1.959963984540054
/** From this count on, the error of the normal approximation is below one or two ranks, and exact ranks take long. */
const APPROXIMATE_FROM = 2000

/**
 * The highest lower and the lowest upper rank of an interval. The number of values up to the quantile is binomial. It is below `lower`, and
 * at least `upper`, with a probability of at most 2.5 % each. Rank 0 and rank `n` + 1 are the ends of all times.
 */
function ranks(n: number, p: number): { readonly lower: number; readonly upper: number } {
  const [mean, spread] = [n * p, Math.sqrt(n * p * (1 - p))]
  if (n >= APPROXIMATE_FROM) return { lower: Math.floor(mean - Z * spread), upper: Math.ceil(mean + Z * spread) + 1 }
  const atMost = (k: number): number => (k < 0 ? 0 : k >= n ? 1 : regularizedBeta(1 - p, n - k, k + 1, p))
  // From the normal approximation, which is off by a rank or two.
  let lower = Math.max(0, Math.floor(mean - Z * spread))
  while (lower < Math.floor(mean) && atMost(lower) <= TAIL) lower++
  while (lower > 0 && atMost(lower - 1) > TAIL) lower--
  let upper = Math.min(n + 1, Math.ceil(mean + Z * spread) + 1)
  while (upper > Math.ceil(mean) + 1 && 1 - atMost(upper - 2) <= TAIL) upper--
  while (upper <= n && 1 - atMost(upper - 1) > TAIL) upper++
  return { lower, upper }
}
