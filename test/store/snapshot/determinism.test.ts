/** Questions and snapshots change no state: all processes that fold the same log have the same state. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'
import { createSeries } from '../../../src/core/aggregate/series.ts'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { decodeState } from '../../../src/store/snapshot/decode.ts'
import { encodeState } from '../../../src/store/snapshot/encode.ts'
import { attempts, NOW_MS } from '../../core/arbitraries.ts'

const MINUTE_MS = 60_000
const ids = { limit: 10, keepMs: 1000 }
const newSeries = () => createSeries({ limit: 10, keepMs: 1000 })

/** Few buckets, so that they are evicted early and the order of eviction shows. */
const tiers = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .map(([fine, coarse]) => [
    { ...DEFAULT_TIERS[0]!, maxBuckets: fine },
    { ...DEFAULT_TIERS[1]!, maxBuckets: coarse },
    DEFAULT_TIERS[2]!,
  ])

const ages = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 3000 }))
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ attempt: attempts, age: ages }) },
  { weight: 2, arbitrary: ages.map(asked => ({ asked })) },
  { weight: 1, arbitrary: fc.constant({ restarted: true as const }) },
  { weight: 1, arbitrary: fc.constant({ saved: true as const }) },
)
const agents = fc.constantFrom('a', 'b', 'c')
const steps = fc.array(fc.tuple(step, agents), { minLength: 1, maxLength: 60 })

function snapshotOf(tally: Tally): Uint8Array[] {
  const counted = { tally, ids: createDedupWindow({ ...ids, seed: [1, 2] }), series: newSeries() }
  return [...encodeState(counted)].filter(block => block !== undefined)
}

function restored(blocks: readonly Uint8Array[], tally: Tally): Tally {
  const decoder = decodeState(tally, newSeries(), ids)
  decoder.next()
  for (const block of blocks) decoder.next(block)
  return tally
}

function ask(tally: Tally, age: number): unknown {
  const sinceMs = NOW_MS - age * MINUTE_MS
  const { earliestMs } = tally.times.coverage(sinceMs, NOW_MS)
  if (sinceMs < earliestMs) return earliestMs
  const range = { sinceMs, untilMs: NOW_MS + MINUTE_MS }
  return [
    tally.ranged(range, {}, NOW_MS).map(({ key, summary }) => [key, [...summary]]),
    tally.rangedArms('prompt', range, NOW_MS).map(({ variant, summary }) => [variant, [...summary]]),
  ]
}

test('the same attempts lead to the same bytes and answers, with or without questions, snapshots and restarts in between', () => {
  fc.assert(
    fc.property(tiers, steps, ages, (settings, list, last) => {
      const newTally = (): Tally => createTally({ maxKeys: 3, maxArms: 2, tiers: settings })
      let [plain, asked] = [newTally(), newTally()]
      for (const [one, agent_name] of list) {
        if ('asked' in one) ask(asked, one.asked)
        else if ('saved' in one) snapshotOf(asked)
        else if ('restarted' in one) asked = restored(snapshotOf(asked), newTally())
        else {
          const ms = NOW_MS - one.age * MINUTE_MS
          for (const tally of [plain, asked])
            tally.add({ ...one.attempt, agent_name }, { ms, local: false }, Math.max(ms, NOW_MS - MINUTE_MS))
        }
      }
      expect(ask(asked, last)).toEqual(ask(plain, last))
      expect(snapshotOf(asked)).toEqual(snapshotOf(plain))
    }),
    { numRuns: 500 },
  )
})
