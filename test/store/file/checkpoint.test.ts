import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIdWindow } from '../../../src/core/id-window.ts'
import { createSeries } from '../../../src/core/series.ts'
import { createTally, type Tally } from '../../../src/core/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/time-tiers.ts'
import { parseTimestamp } from '../../../src/core/timestamp.ts'
import { createBlocksInTurns } from '../../../src/store/file/block.ts'
import { encodeState } from '../../../src/store/file/checkpoint.ts'
import { decodeState } from '../../../src/store/file/checkpoint-reader.ts'
import { attempts, NOW_MS } from '../../core/arbitraries.ts'

const ids = { limit: 10, keepMs: 1000 }
const newTally = (maxKeys = 100): Tally => createTally({ maxKeys, maxArms: 10, tiers: DEFAULT_TIERS })
const newSeries = () => createSeries({ limit: 10, keepMs: 1000 })

function blocksOf(tally: Tally): Uint8Array[] {
  const blocks = encodeState(0, tally, createIdWindow({ ...ids, seed: [1, 2] }), newSeries())
  return [...blocks].filter(block => block !== undefined)
}

function restore(blocks: readonly Uint8Array[], tally = newTally()): Tally {
  const decoder = decodeState(tally, newSeries(), ids)
  decoder.next()
  const last = blocks.map(block => decoder.next(block)).at(-1)
  expect(last?.done).toBe(true)
  return tally
}

function answersOf(tally: Tally): unknown {
  const ranges = [60, 3600, 86_400].map(seconds => ({ sinceMs: NOW_MS - 1000 * seconds, untilMs: NOW_MS + 60_000 }))
  return {
    keys: tally.keys().map(({ key, summary, recent }) => [key, [...summary], recent.added]),
    ranged: ranges.map(range => [...tally.ranged(range, {}, NOW_MS)].map(({ key, summary }) => [key, [...summary]])),
    arms: tally.arms().map(({ experiment, variant, summary }) => [experiment, variant, [...summary]]),
  }
}

const histories = fc.array(attempts, { minLength: 1, maxLength: 60 })

function tallyOf(list: typeof histories extends fc.Arbitrary<infer T> ? T : never): Tally {
  const tally = newTally()
  for (const attempt of list) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  return tally
}

test('a state that was restored is written as it was read, and answers as it did, asked for before or not', () => {
  fc.assert(
    fc.property(histories, list => {
      const tally = tallyOf(list)
      const blocks = blocksOf(tally)
      const restored = restore(blocks)
      expect(blocksOf(restored)).toEqual(blocks)
      expect(answersOf(restored)).toEqual(answersOf(tally))
      expect(answersOf(restore(blocksOf(restored)))).toEqual(answersOf(tally))
    }),
  )
})

test('memory that blocks take turns in leaves nothing of one in another', () => {
  fc.assert(
    fc.property(histories, list => {
      const tally = tallyOf(list)
      const inTurns = createBlocksInTurns()
      for (const block of [inTurns(40_000), inTurns(40_000)]) block.put(new Uint8Array(320_000).fill(255))
      const window = createIdWindow({ ...ids, seed: [1, 2] })
      const blocks: Uint8Array[] = []
      for (const block of encodeState(0, tally, window, newSeries(), inTurns)) if (block) blocks.push(block.slice())
      expect(blocks).toEqual(blocksOf(tally))
    }),
  )
})

test('a state that was restored goes on counting as if it had never been away', () => {
  fc.assert(
    fc.property(histories, histories, (before, after) => {
      const tally = tallyOf(before)
      const restored = restore(blocksOf(tally))
      for (const one of [tally, restored]) {
        for (const attempt of after) one.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
      }
      expect(answersOf(restored)).toEqual(answersOf(tally))
    }),
  )
})

test('keys that there is no room for any more are one key, in totals and in every range', () => {
  fc.assert(
    fc.property(histories, fc.integer({ min: 0, max: 3 }), (list, maxKeys) => {
      const tally = tallyOf(list)
      const restored = restore(blocksOf(tally), newTally(maxKeys))
      expect(restored.keys().length).toBeLessThanOrEqual(maxKeys + 1)
      const range = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }
      const counted = (one: Tally): number =>
        [...one.ranged(range, {}, NOW_MS)].reduce((sum, { summary }) => sum + summary[0]! + summary[1]!, 0)
      expect(counted(restored)).toBe(counted(tally))
      expect(restore(blocksOf(restored), newTally(maxKeys)).keys().length).toBe(restored.keys().length)
    }),
  )
})
