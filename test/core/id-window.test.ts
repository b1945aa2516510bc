import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIdWindow } from '../../src/core/id-window.ts'

const seed = [1, 2] as const
const FOR_EVER = Number.POSITIVE_INFINITY

test('an id is new once, and known until it is too old or too many came after it', () => {
  const ids = createIdWindow({ seed, limit: 3, keepMs: 1000 })
  expect([ids.add('a', 0), ids.add('a', 0), ids.add('b', 0), ids.add('a', 999)]).toEqual([true, false, true, false])
  expect(ids.add('a', 1000)).toBe(true)
  expect(['c', 'd', 'e'].map(id => ids.add(id, 1001))).toEqual([true, true, true])
  expect(ids.add('a', 1001)).toBe(true)
  expect(ids.size).toBe(3)
})

test('what is taken back was never there', () => {
  const ids = createIdWindow({ seed, limit: 100, keepMs: FOR_EVER })
  for (const id of ['a', 'b', 'c']) ids.add(id, 0)
  ids.undo(2)
  expect(['a', 'b', 'c'].map(id => ids.add(id, 0))).toEqual([false, true, true])
})

test('behaves as a list of the last ids would, through any history of adding, taking back, saving and restoring', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 30 }).map(n => `id-${n}`) }) },
    { weight: 1, arbitrary: fc.record({ undo: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 1, arbitrary: fc.constant({ restore: true }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (steps, limit) => {
      let ids = createIdWindow({ seed, limit, keepMs: FOR_EVER })
      let model: string[] = []
      for (const action of steps) {
        if ('add' in action) {
          model = model.slice(-(limit - 1) || model.length)
          const isNew = !model.includes(action.add)
          expect(ids.add(action.add, 0)).toBe(isNew)
          if (isNew) model.push(action.add)
        } else if ('undo' in action) {
          ids.undo(action.undo)
          model = model.slice(0, Math.max(0, model.length - action.undo))
        } else {
          const { hashes, times, ...saved } = ids.save()
          ids = createIdWindow({ ...saved, limit, keepMs: FOR_EVER })
          const half = times.length >> 1
          ids.restore(hashes.subarray(0, 2 * half), times.subarray(0, half))
          ids.restore(hashes.subarray(2 * half), times.subarray(half))
        }
        expect(ids.size).toBe(model.length)
      }
    }),
  )
})

test('a hundred thousand ids that differ little are told apart', () => {
  const ids = createIdWindow({ seed, limit: 200_000, keepMs: FOR_EVER })
  for (let i = 0; i < 100_000; i++)
    if (!ids.add(`attempt-${i}`, 0)) throw new Error(`attempt-${i} was taken for another`)
  for (let i = 0; i < 100_000; i++) if (ids.add(`attempt-${i}`, 0)) throw new Error(`attempt-${i} was forgotten`)
  expect(ids.size).toBe(100_000)
})
