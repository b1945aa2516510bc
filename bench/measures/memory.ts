/** The memory of a tally without time tiers. */
import { createTally } from '../../src/core/aggregate/tally.ts'
import { attemptOf } from '../support/attempts.ts'

const KEYS = 10_000
const RECENT = 100

/** Bytes per recent attempt; per key with its names, index entry, summary and 100 recent attempts; and per key for the outcomes before those. */
export function memory(): { readonly attempt: number; readonly key: number; readonly older: number } {
  const before = liveBytes()
  const tally = createTally({ maxKeys: KEYS, maxArms: 0, tiers: [] })
  const ms = Date.now()
  const add = (from: number, to: number): void => {
    for (let at = from * KEYS; at < to * KEYS; at++) {
      tally.add({ ...attemptOf(at % KEYS), timestamp: '' }, { ms, local: false }, ms)
    }
  }
  add(0, 1)
  const withOne = liveBytes()
  add(1, RECENT)
  const full = liveBytes()
  // The first attempt that leaves the recent ones takes the memory for all that may follow.
  add(RECENT, RECENT + 1)
  const withOlder = liveBytes()
  if (tally.keys().length !== KEYS) throw new Error('the tally is not full')
  return {
    attempt: (full - withOne) / KEYS / (RECENT - 1),
    key: (full - before) / KEYS,
    older: (withOlder - full) / KEYS,
  }
}

function liveBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
