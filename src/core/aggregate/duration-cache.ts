/**
 * Duration histograms of groups of keys. Adding up the histograms of 10,000 keys would be most of the work of a report. Therefore each key
 * is added once, and later calls add only the changes of its counts. Counts are whole numbers, so that this is exact.
 */
import type { KeySummary } from '../ports.ts'
import type { Groups } from '../reports/groups.ts'
import { DURATION_BUCKETS } from '../statistics/time-quantiles.ts'
import { KEYS_PER_STEP, type Steps } from '../steps.ts'
import { addDurations } from './summary.ts'

interface Cached {
  /** The counts of each key that `groups` includes, in rows. */
  keys: Float64Array
  /** `changes` of each key when its row was read. -1 if it was never read. */
  changes: Float64Array
  groups: Float64Array
}

/** Caches by the groups of a list. A cache changes no result, and is collected together with the groups. */
const cached = new WeakMap<Groups, Cached>()

/** The histogram of each group in rows of {@link DURATION_BUCKETS}, failures and successes together. Valid until the next call. */
export function durationsOf(summaries: readonly KeySummary[], groups: Groups): Float64Array {
  return readChanged(summaries, groups, 0, groups.placeOf.length).groups
}

/** Reads the histograms of all keys in steps, so that {@link durationsOf} reads only what changes meanwhile. */
export function* durationSteps(summaries: readonly KeySummary[], groups: Groups): Steps<void> {
  for (let from = 0; from < groups.placeOf.length; from += KEYS_PER_STEP) {
    readChanged(summaries, groups, from, Math.min(from + KEYS_PER_STEP, groups.placeOf.length))
    yield
  }
}

function readChanged(summaries: readonly KeySummary[], groups: Groups, from: number, end: number): Cached {
  const cache = withRoomFor(groups)
  const row = new Float64Array(DURATION_BUCKETS)
  for (let key = from; key < end; key++) {
    const { changes, summary } = summaries[key]!
    if (changes !== undefined && cache.changes[key] === changes) continue
    cache.changes[key] = changes ?? -1
    row.fill(0)
    addDurations(row, 0, summary)
    const [own, group] = [key * DURATION_BUCKETS, groups.placeOf[key]! * DURATION_BUCKETS]
    for (let bucket = 0; bucket < DURATION_BUCKETS; bucket++) {
      cache.groups[group + bucket]! += row[bucket]! - cache.keys[own + bucket]!
      cache.keys[own + bucket] = row[bucket]!
    }
  }
  return cache
}

function withRoomFor(groups: Groups): Cached {
  const { all, placeOf } = groups
  let cache = cached.get(groups)
  if (cache === undefined) {
    cache = { keys: new Float64Array(0), changes: new Float64Array(0), groups: new Float64Array(0) }
    cached.set(groups, cache)
  }
  if (cache.changes.length < placeOf.length) {
    cache.keys = longer(cache.keys, 2 * placeOf.length * DURATION_BUCKETS)
    const known = cache.changes.length
    cache.changes = longer(cache.changes, 2 * placeOf.length).fill(-1, known)
  }
  if (cache.groups.length < all.length * DURATION_BUCKETS)
    cache.groups = longer(cache.groups, 2 * all.length * DURATION_BUCKETS)
  return cache
}

function longer(values: Float64Array, length: number): Float64Array {
  const all = new Float64Array(length)
  all.set(values)
  return all
}
