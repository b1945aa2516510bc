/** What a tally holds in memory, tiers of time apart. */
import { createTally } from '../../src/core/aggregate/tally.ts'
import { attemptOf } from '../support/attempts.ts'

const KEYS = 10_000
const RECENT = 100

/** Bytes for one of the recent attempts, and for a whole key: names, index, summary and a hundred recent attempts. */
export function memory(): { readonly attempt: number; readonly key: number } {
  const before = alive()
  const tally = createTally({ maxKeys: KEYS, maxArms: 0, tiers: [] })
  const ms = Date.now()
  const add = (from: number, to: number): void => {
    for (let at = from * KEYS; at < to * KEYS; at++) {
      tally.add({ ...attemptOf(at % KEYS), timestamp: '' }, { ms, local: false }, ms)
    }
  }
  add(0, 1)
  const ofOne = alive()
  add(1, RECENT)
  const full = alive()
  if (tally.keys().length !== KEYS) throw new Error('the tally is not full')
  return { attempt: (full - ofOne) / KEYS / (RECENT - 1), key: (full - before) / KEYS }
}

function alive(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
