import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addOlderOutcome,
  BLOCK_ATTEMPTS,
  BLOCK_NUMBERS,
  createOlderSlab,
  isOlderFull,
  MAX_BLOCKS,
  moveOlderOutcome,
  type OlderOutcomes,
  restoredOlder,
  savedOlder,
} from '../../../src/core/aggregate/older-outcomes.ts'
import {
  addRecent,
  createRecent,
  createRecentSlab,
  forEachOutcome,
  outcomeCounts,
  type Recent,
} from '../../../src/core/aggregate/recent.ts'

const outcomes = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.boolean()), { maxLength: 700 })

/** The blocks after these attempts, as a snapshot holds them. They are between the blocks of two other keys, which must stay. */
function olderOf(list: readonly (readonly [ms: number, success: boolean])[]): number[] {
  const slab = createOlderSlab()
  const [before, older, after] = [slab(), slab(), slab()]
  for (const other of [before, after]) for (let i = 0; i < 1000; i++) addOlderOutcome(other, i, true)
  const others = [savedOlder(before), savedOlder(after)]
  for (const [ms, success] of list) addOlderOutcome(older, ms, success)
  expect([savedOlder(before), savedOlder(after)]).toEqual(others)
  return savedOlder(older)
}

/** A block in a snapshot, without the code of its length: its end, successes and attempts. */
type SavedBlock = readonly [end: number, successes: number, attempts: number]

function blocksIn(saved: readonly number[]): SavedBlock[] {
  const count = Math.floor(saved.length / BLOCK_NUMBERS)
  return Array.from({ length: count }, (_, i) => {
    const [end, , successes, attempts] = saved.slice(1 + i * BLOCK_NUMBERS)
    return [end!, successes!, attempts!]
  })
}

function recentOf(list: readonly (readonly [ms: number, success: boolean])[]): Recent {
  const recent = createRecent()
  const slab = createRecentSlab()
  for (const [ms, success] of list) {
    const attempt = { agent_name: 'a', model_name: 'm', issue_type: 'i', success, confidence: null, time_seconds: 1 }
    addRecent(recent, { ...attempt, timestamp: '' }, { ms, local: false }, slab)
  }
  return recent
}

function visited(recent: Recent): [ms: number, successes: number, attempts: number][] {
  const all: [number, number, number][] = []
  forEachOutcome(recent, (...outcome) => all.push(outcome))
  return all
}

describe('older outcomes', () => {
  test('of attempts in order fill blocks of 25, and the oldest block is dropped beyond 36', () => {
    const list = Array.from({ length: 1000 }, (_, i) => [i, i % 5 === 0] as const)
    const older = blocksIn(olderOf(list))
    expect(older).toHaveLength(MAX_BLOCKS)
    expect(older[0]).toEqual([124, 5, BLOCK_ATTEMPTS])
    expect(older.at(-1)).toEqual([999, 5, BLOCK_ATTEMPTS])
    // A late attempt from before the oldest block is left out.
    expect(blocksIn(olderOf([...list, [-1, true]]))).toEqual(older)
    // A late attempt inside a block joins it, although it is full.
    expect(blocksIn(olderOf([...list, [160, true]]))).toEqual(older.with(2, [174, 6, BLOCK_ATTEMPTS + 1]))
  })

  test('of a late attempt between two full blocks begin a block there, and the oldest block is dropped', () => {
    const list = Array.from({ length: 1000 }, (_, i) => [i < 500 ? i : i + 1000, true] as const)
    const older = blocksIn(olderOf(list))
    const late = blocksIn(olderOf([...list, [1000, false]]))
    expect(late).toEqual([...older.slice(1, 16), [1000, 0, 1], ...older.slice(16)])
  })

  test('are corrected in the block that the attempt joined, unless it was dropped', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(5000), { maxLength: 700, size: 'max' }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (times, moved) => {
          const place = new Map(moved.map(at => [times[at % Math.max(1, times.length)], true]))
          const result = (ms: number): boolean => ms % 3 === 0
          const corrected = times.map(ms => [ms, place.has(ms) !== result(ms)] as const)
          const older = createOlderSlab()()
          for (const [i, ms] of times.entries()) {
            addOlderOutcome(older, ms, result(ms))
            // Some are corrected when the next attempt was added, the others at the end.
            if (i > 0 && i % 2 === 0) correct(older, times[i - 1]!)
          }
          for (const [i, ms] of times.entries()) if (i % 2 === 0 || i === times.length - 1) correct(older, ms)
          expect(savedOlder(older)).toEqual(olderOf(corrected))

          function correct(of: OlderOutcomes, ms: number): void {
            if (place.has(ms)) moveOlderOutcome(of, ms, !result(ms))
          }
        },
      ),
    )
  })

  test('stay in the order of time, bounded, and count every attempt until a block is dropped', () => {
    fc.assert(
      fc.property(outcomes, list => {
        const blocks = blocksIn(olderOf(list))
        expect(blocks.length).toBeLessThanOrEqual(MAX_BLOCKS)
        for (const [i, [end, good, count]] of blocks.entries()) {
          if (i > 0) expect(end).toBeGreaterThan(blocks[i - 1]![0])
          expect(good >= 0 && good <= count && count >= 1).toBe(true)
        }
        const sum = (column: 1 | 2): number => blocks.reduce((total, block) => total + block[column], 0)
        if (blocks.length < MAX_BLOCKS)
          expect([sum(1), sum(2)]).toEqual([list.filter(([, success]) => success).length, list.length])
      }),
    )
  })

  test('go on after a snapshot as without one', () => {
    fc.assert(
      fc.property(outcomes, outcomes, (list, more) => {
        const restored = restoredOlder(olderOf(list), createOlderSlab())
        if (list.length > 0) for (const [ms, success] of more) addOlderOutcome(restored, ms, success)
        expect(savedOlder(restored)).toEqual(list.length > 0 ? olderOf([...list, ...more]) : [])
      }),
    )
    const tooMany = Array(1 + (MAX_BLOCKS + 1) * BLOCK_NUMBERS).fill(1)
    expect(() => restoredOlder(tooMany, createOlderSlab())).toThrow(RangeError)
  })

  test('of back-filled history come before the blocks of later attempts', () => {
    const later = Array.from({ length: 100 }, (_, i) => [10_000 + i, true] as const)
    const history = Array.from({ length: 200 }, (_, i) => [i, false] as const)
    const older = blocksIn(olderOf([...later, ...history]))
    expect(older.filter(([end]) => end < 10_000).length).toBeGreaterThan(0)
    for (const [end, successes, attempts] of older) expect(successes).toBe(end < 10_000 ? 0 : attempts)
  })
})

describe('the outcomes of a key', () => {
  test('are visited in the order of time, and are all of them until a block is dropped', () => {
    fc.assert(
      fc.property(outcomes, list => {
        const recent = recentOf(list)
        const all = visited(recent)
        const times = all.map(([ms]) => ms)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        const counts = {
          successes: all.reduce((sum, [, successes]) => sum + successes, 0),
          attempts: all.reduce((sum, [, , attempts]) => sum + attempts, 0),
        }
        expect(outcomeCounts(recent)).toEqual(counts)
        if (!isOlderFull(recent.older)) expect(counts.attempts).toBe(list.length)
      }),
    )
  })

  test('of the last 100 attempts do not depend on the order of receipt', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { maxLength: 100 }), fc.nat(), (times, shift) => {
        const list = times.map(ms => [ms, (ms * 7 + shift) % 3 === 0] as const)
        expect(visited(recentOf(list))).toEqual(visited(recentOf(list.toSorted((a, b) => a[0] - b[0]))))
      }),
    )
  })
})
