/**
 * Moves the counts of a sender's histogram into our buckets. A count moves as a whole, into the bucket of ours that holds the middle of its
 * own. So counts stay whole numbers, and the sum of two histograms is moved as their counts are.
 *
 * The error: at each bound of ours, the number of values up to it is wrong by at most the count of the one bucket that has the bound inside.
 * It is exact where the sender has the same bound.
 */
import type { ExponentialDataPoint, HistogramDataPoint } from './schema.ts'

/** Counts by our bounds, with one more for larger values; or why the buckets cannot be read. Empty if the point has no buckets. */
export type Rebucketed = readonly number[] | string

/** The counts of a histogram with explicit bounds, upper bounds included. Without bounds there is one bucket, which says nothing. */
export function rebucketExplicit(ours: readonly number[], point: HistogramDataPoint): Rebucketed {
  const bounds = (point.explicitBounds ?? []).map(Number)
  const counts = (point.bucketCounts ?? []).map(Number)
  if (bounds.length === 0 || counts.length === 0) return []
  if (counts.length !== bounds.length + 1) return `it has ${counts.length} buckets for ${bounds.length} bounds`
  if (!bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]!)) return 'its bounds do not rise'
  const moved = emptyBuckets(ours)
  for (const [i, count] of counts.entries()) add(moved, ours, bounds[i - 1] ?? 0, bounds[i] ?? Infinity, count)
  return moved
}

/** Scales of SDKs are from -10 to 20. Far beyond, bounds cannot be computed. */
const MAX_SCALE = 40

/**
 * The counts of an exponential histogram: bucket `i` at scale `s` is (b^i, b^(i+1)] with b = 2^(2^-s).
 * OpenTelemetry, Metrics Data Model, "ExponentialHistogram" (2024).
 */
export function rebucketExponential(ours: readonly number[], point: ExponentialDataPoint): Rebucketed {
  const { zeroCount, zeroThreshold, positive, negative } = point
  const scale = point.scale ?? 0
  if (Math.abs(scale) > MAX_SCALE) return `its scale is ${scale}: it must be from -10 to 20`
  if (negative?.bucketCounts?.some(count => Number(count) !== 0)) return 'it has values below 0'
  const moved = emptyBuckets(ours)
  add(moved, ours, 0, Number(zeroThreshold ?? 0), Number(zeroCount ?? 0))
  const step = 2 ** -scale
  const offset = positive?.offset ?? 0
  for (const [i, count] of (positive?.bucketCounts ?? []).entries()) {
    add(moved, ours, 2 ** ((offset + i) * step), 2 ** ((offset + i + 1) * step), Number(count))
  }
  return moved
}

const emptyBuckets = (ours: readonly number[]): number[] => new Array<number>(ours.length + 1).fill(0)

/** A bucket without an upper bound counts in the bucket of ours that begins at its lower bound, or holds it: no value is known to be larger. */
function add(moved: number[], ours: readonly number[], lower: number, upper: number, count: number): void {
  const middle = (Math.max(lower, 0) + upper) / 2
  const at = Number.isFinite(middle) ? ours.findIndex(bound => middle <= bound) : ours.findIndex(bound => lower < bound)
  moved[at < 0 ? ours.length : at]! += count
}
