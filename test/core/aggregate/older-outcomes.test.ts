import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addOlderOutcome,
  BLOCK_ATTEMPTS,
  BLOCK_NUMBERS,
  createOlderSlab,
  isOlderFull,
  MAX_BLOCKS,
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
    const older = olderOf(list)
    expect(older.length).toBe(MAX_BLOCKS * BLOCK_NUMBERS)
    expect(older.slice(0, BLOCK_NUMBERS)).toEqual([124, 5, BLOCK_ATTEMPTS])
    expect(older.slice(-BLOCK_NUMBERS)).toEqual([999, 5, BLOCK_ATTEMPTS])
    // A late attempt would begin the oldest block, which is dropped at once.
    expect(olderOf([...list, [-1, true]])).toEqual(older)
    // A late attempt between two full blocks begins a block there, and the oldest one is dropped.
    expect(olderOf([...list, [150, true]])).toEqual([
      ...older.slice(BLOCK_NUMBERS, 2 * BLOCK_NUMBERS),
      ...[150, 1, 1],
      ...older.slice(2 * BLOCK_NUMBERS),
    ])
  })

  test('stay in the order of time, bounded, and count every attempt until a block is dropped', () => {
    fc.assert(
      fc.property(outcomes, list => {
        const older = olderOf(list)
        const blocks = Array.from({ length: older.length / BLOCK_NUMBERS }, (_, i) =>
          older.slice(i * BLOCK_NUMBERS, (i + 1) * BLOCK_NUMBERS),
        )
        expect(blocks.length).toBeLessThanOrEqual(MAX_BLOCKS)
        for (const [i, [end, good, count]] of blocks.entries()) {
          if (i > 0) expect(end!).toBeGreaterThanOrEqual(blocks[i - 1]![0]!)
          expect(good! >= 0 && good! <= count! && count! >= 1 && count! <= BLOCK_ATTEMPTS).toBe(true)
        }
        const sum = (column: number): number => blocks.reduce((total, block) => total + block[column]!, 0)
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
    const tooMany = Array((MAX_BLOCKS + 1) * BLOCK_NUMBERS).fill(1)
    expect(() => restoredOlder(tooMany, createOlderSlab())).toThrow(RangeError)
  })

  test('of back-filled history come before the blocks of later attempts', () => {
    const later = Array.from({ length: 100 }, (_, i) => [10_000 + i, true] as const)
    const history = Array.from({ length: 200 }, (_, i) => [i, false] as const)
    const older = olderOf([...later, ...history])
    const firstLater = older.findIndex((end, at) => at % BLOCK_NUMBERS === 0 && end >= 10_000)
    expect(firstLater).toBeGreaterThan(0)
    for (let at = 0; at < older.length; at += BLOCK_NUMBERS) {
      expect(older[at + 1]).toBe(at < firstLater ? 0 : older[at + 2])
    }
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
