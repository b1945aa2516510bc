/** Counters of a file store, for the sidecar's self-metrics. */
import { noWrites, type WriteCounters } from '../engine/snapshots.ts'

/** Upper bounds (inclusive) of the sync histogram in seconds. One more bucket counts longer syncs. */
export const SYNC_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

/** Counts since the store was opened. */
export interface Counters {
  readonly syncs: { count: number; sum: number; readonly buckets: number[] }
  writeErrors: number
  tornBytes: number
  corruptRecords: number
  /** Lost records: in a missing or truncated segment, or in a damaged part of one. */
  missingRecords: number
  replayedRecords: number
  /** Records of another owner that wrote at the same time. Found at the start. */
  forkedRecords: number
  readonly document: WriteCounters
}

export function createCounters(): Counters {
  return {
    syncs: { count: 0, sum: 0, buckets: SYNC_BOUNDS.map(() => 0).concat(0) },
    writeErrors: 0,
    tornBytes: 0,
    corruptRecords: 0,
    missingRecords: 0,
    replayedRecords: 0,
    forkedRecords: 0,
    document: noWrites(),
  }
}

/** Counts one sync of the journal with its duration. */
export function observeSync({ syncs }: Counters, seconds: number): void {
  syncs.count++
  syncs.sum += seconds
  const bucket = SYNC_BOUNDS.findIndex(bound => seconds <= bound)
  syncs.buckets[bucket < 0 ? SYNC_BOUNDS.length : bucket]! += 1
}
