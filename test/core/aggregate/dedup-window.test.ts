import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'

const seed = [1, 2] as const
const FOR_EVER = Number.POSITIVE_INFINITY

test('an id is new once, and known until it is too old or too many came after it', () => {
  const ids = createDedupWindow({ seed, limit: 3, keepMs: 1000 })
  expect([ids.add('a', 0), ids.add('a', 0), ids.add('b', 0), ids.add('a', 999)]).toEqual([true, false, true, false])
  expect(ids.add('a', 1000)).toBe(true)
  expect(['c', 'd', 'e'].map(id => ids.add(id, 1001))).toEqual([true, true, true])
  expect(ids.add('a', 1001)).toBe(true)
  expect(ids.size).toBe(3)
})

test('asking whether an id is known changes nothing', () => {
  const ids = createDedupWindow({ seed, limit: 2, keepMs: 1000 })
  expect(ids.has('a', 0)).toBe(false)
  for (const id of ['a', 'b']) ids.add(id, 0)
  expect(['a', 'b', 'c'].map(id => ids.has(id, 0))).toEqual([true, true, false])
  expect([ids.has('a', 1000), ids.size]).toEqual([false, 2])
})

test('behaves as a list of the last ids would, through any history of adding, asking, saving and restoring', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 30 }).map(n => `id-${n}`) }) },
    { weight: 2, arbitrary: fc.record({ has: fc.integer({ min: 0, max: 30 }).map(n => `id-${n}`) }) },
    { weight: 1, arbitrary: fc.constant({ restore: true }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (steps, limit) => {
      let ids = createDedupWindow({ seed, limit, keepMs: FOR_EVER })
      let model: string[] = []
      for (const action of steps) {
        if ('add' in action) {
          const isNew = !model.includes(action.add)
          expect(ids.add(action.add, 0)).toBe(isNew)
          if (isNew) model = [...model.slice(-(limit - 1) || model.length), action.add]
        } else if ('has' in action) {
          expect(ids.has(action.has, 0)).toBe(model.includes(action.has))
        } else {
          const { hashes, times, ...saved } = ids.save()
          ids = createDedupWindow({ ...saved, limit, keepMs: FOR_EVER })
          const half = times.length >> 1
          ids.restore(hashes.subarray(0, 2 * half), times.subarray(0, half))
          ids.restore(hashes.subarray(2 * half), times.subarray(half))
        }
        expect(ids.size).toBe(model.length)
      }
    }),
  )
})

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
/** A clock that mostly goes on, and now and then jumps by up to ten years. */
const clocks = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 0, max: MINUTE_MS }) },
      { weight: 1, arbitrary: fc.integer({ min: -3650 * DAY_MS, max: 3650 * DAY_MS }) },
    ),
    { maxLength: 200 },
  )
  .map(steps => {
    let ms = 0
    return steps.map(step => {
      ms += step
      return ms
    })
  })

test('however clocks jump meanwhile, an id is known when it comes again within its age by its own two times', () => {
  fc.assert(
    fc.property(clocks, fc.integer({ min: -DAY_MS, max: DAY_MS - 1 }), (times, laterMs) => {
      const ids = createDedupWindow({ seed, limit: 1_000_000, keepMs: DAY_MS })
      expect(ids.add('it', 0)).toBe(true)
      for (const [i, ms] of times.entries()) ids.add(`other ${i}`, ms)
      expect(ids.add('it', laterMs)).toBe(false)
    }),
  )
})

test('two windows with the same history have the same ids, also if one was saved and restored in between', () => {
  fc.assert(
    fc.property(clocks, clocks, (before, after) => {
      const options = { seed, limit: 50, keepMs: DAY_MS }
      const one = createDedupWindow(options)
      for (const [i, ms] of before.entries()) one.add(`id ${i % 70}`, ms)
      const other = createDedupWindow(options)
      const saved = one.save()
      other.restore(saved.hashes, saved.times)
      for (const [i, ms] of after.entries()) expect(other.add(`id ${i % 90}`, ms)).toBe(one.add(`id ${i % 90}`, ms))
      expect(other.save()).toEqual(one.save())
    }),
  )
})

test('ids leave by age when so many later ones agree that they are too old, or came from a clock that was ahead', () => {
  for (const ms of [0, 3650 * DAY_MS]) {
    const ids = createDedupWindow({ seed, limit: 1_000_000, keepMs: DAY_MS })
    for (let i = 0; i < 5000; i++) ids.add(`old ${i}`, ms)
    ids.add('one jump', ms + 2000 * DAY_MS)
    for (let i = 0; i < 500; i++) ids.add(`new ${i}`, 1000 * DAY_MS + i)
    expect(ids.size).toBe(5501)
    for (let i = 500; i < 5000; i++) ids.add(`new ${i}`, 1000 * DAY_MS + i)
    expect(ids.size).toBeLessThanOrEqual(5001)
  }
})

test('a smaller window takes in the newest of what a larger one held, a larger one all of it', () => {
  const small = createDedupWindow({ seed, limit: 10, keepMs: FOR_EVER })
  for (let i = 0; i < 100; i++) small.add(`id ${i}`, 0)
  const saved = small.save()
  const smaller = createDedupWindow({ seed, limit: 3, keepMs: FOR_EVER })
  smaller.restore(saved.hashes, saved.times)
  expect(smaller.size).toBe(3)
  const larger = createDedupWindow({ seed, limit: 10_000_000, keepMs: FOR_EVER })
  larger.restore(saved.hashes, saved.times)
  // The oldest makes room before one is looked for.
  for (let i = 98; i < 100; i++) expect([smaller, larger].map(ids => ids.add(`id ${i}`, 0))).toEqual([false, false])
  for (let i = 90; i < 98; i++) expect(larger.add(`id ${i}`, 0)).toBe(false)
  for (let i = 0; i < 200_000; i++) larger.add(`more ${i}`, 0)
  expect(larger.size).toBe(200_010)
  for (let i = 90; i < 100; i++) expect(larger.add(`id ${i}`, 0)).toBe(false)
})

test('distinguishes a hundred thousand ids that differ little', () => {
  const ids = createDedupWindow({ seed, limit: 200_000, keepMs: FOR_EVER })
  for (let i = 0; i < 100_000; i++)
    if (!ids.add(`attempt-${i}`, 0)) throw new Error(`attempt-${i} was taken for another`)
  for (let i = 0; i < 100_000; i++) if (ids.add(`attempt-${i}`, 0)) throw new Error(`attempt-${i} was forgotten`)
  expect(ids.size).toBe(100_000)
})
