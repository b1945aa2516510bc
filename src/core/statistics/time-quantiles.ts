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
  counts: Pick<Counts, 'runs_per_cluster'> = {},
): TimeQuantiles | null {
  return quantilesOf(buckets, DURATION_BOUNDS, counts)
}

/** {@link timeQuantiles} of a histogram with other bounds, of one bucket more than `bounds`. A quantile above the highest bound is null. */
export function quantilesOf(
  buckets: ArrayLike<number>,
  bounds: readonly number[],
  { runs_per_cluster = 1 }: Pick<Counts, 'runs_per_cluster'> = {},
): TimeQuantiles | null {
  let attempts = 0
  for (let i = 0; i <= bounds.length; i++) attempts += buckets[i]!
  if (!(attempts > 0)) return null
  const clusters = Math.max(1, Math.floor(attempts / Math.max(1, runs_per_cluster)))
  const histogram = { buckets, bounds, attempts }
  return {
    attempts,
    p50: quantile(histogram, 0.5),
    p50_interval: interval(histogram, 0.5, clusters),
    p95: quantile(histogram, 0.95),
    p95_interval: interval(histogram, 0.95, clusters),
  }
}

interface TimeHistogram {
  readonly buckets: ArrayLike<number>
  readonly bounds: readonly number[]
  readonly attempts: number
}

const upperBound = ({ bounds }: TimeHistogram, bucket: number): number | null => bounds[bucket] ?? null
const lowerBound = ({ bounds }: TimeHistogram, bucket: number): number => (bucket === 0 ? 0 : bounds[bucket - 1]!)

/** Interpolates within the bucket: linearly in the first, which begins at 0, and on the log scale in the others. */
function quantile(histogram: TimeHistogram, p: number): number | null {
  const { buckets, attempts } = histogram
  const rank = p * attempts
  const bucket = bucketOfRank(histogram, Math.max(1, Math.ceil(rank)))
  const [low, high] = [lowerBound(histogram, bucket), upperBound(histogram, bucket)]
  if (high === null) return null
  let below = 0
  for (let i = 0; i < bucket; i++) below += buckets[i]!
  const share = Math.min(1, Math.max(0, (rank - below) / buckets[bucket]!))
  return low === 0 ? high * share : low * (high / low) ** share
}

/** `clusters` of equal values each, at most the attempts: the k-th smallest of them ends at rank k times their size. */
function interval(histogram: TimeHistogram, p: number, clusters: number): QuantileInterval {
  const { lower, upper } = ranks(clusters, p)
  const size = histogram.attempts / clusters
  const low = lower < 1 ? 0 : lowerBound(histogram, bucketOfRank(histogram, Math.floor((lower - 1) * size) + 1))
  const high = upper > clusters ? null : upperBound(histogram, bucketOfRank(histogram, Math.ceil(upper * size)))
  return { low, high, method: 'order_statistic' }
}

/** The bucket of the value of this rank, from 1 on. */
function bucketOfRank({ buckets, bounds }: TimeHistogram, rank: number): number {
  let counted = 0
  for (let i = 0; i <= bounds.length; i++) {
    counted += buckets[i]!
    if (counted >= rank) return i
  }
  return bounds.length
}

/** The probability that either rank misses the quantile. */
const TAIL = 0.025
const Z = 1.959963984540054
/** From this count on, the error of the normal approximation is below one or two ranks, and exact ranks take long. */
const APPROXIMATE_FROM = 2000

interface Ranks {
  readonly lower: number
  readonly upper: number
}

/** By the quantile, then by the number of values below {@link APPROXIMATE_FROM}. */
const knownRanks = new Map<number, Map<number, Ranks>>()

/** {@link computeRanks}, once for each number of values: a report asks for hundreds, most of them again and again. */
function ranks(n: number, p: number): Ranks {
  if (n >= APPROXIMATE_FROM) return computeRanks(n, p)
  let known = knownRanks.get(p)
  if (known === undefined) {
    known = new Map()
    knownRanks.set(p, known)
  }
  let found = known.get(n)
  if (found === undefined) {
    found = computeRanks(n, p)
    known.set(n, found)
  }
  return found
}

/**
 * The highest lower and the lowest upper rank of an interval. The number of values up to the quantile is binomial. It is below `lower`, and
 * at least `upper`, with a probability of at most 2.5 % each. Rank 0 and rank `n` + 1 are the ends of all times.
 */
function computeRanks(n: number, p: number): Ranks {
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
