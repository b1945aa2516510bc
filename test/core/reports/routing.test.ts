import fc from 'fast-check'
import { expect, test } from 'vitest'
import { discountWindows } from '../../../src/core/reports/routing.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 0, 31, 12)

test('whatever the half-life, some hundred windows cover the last ten of it without gap, each weighing more than the one before', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1e21, noNaN: true }), halfLifeMs => {
      const windows = discountWindows(NOW_MS, halfLifeMs)
      expect(windows.length).toBeGreaterThan(0)
      expect(windows.length).toBeLessThanOrEqual(401)
      expect(windows.at(-1)!.range.untilMs).toBe(Number.POSITIVE_INFINITY)
      for (const [i, { range, weight }] of windows.entries()) {
        expect(weight).toBeGreaterThanOrEqual(windows[i - 1]?.weight ?? 0)
        expect(weight).toBeLessThanOrEqual(1)
        if (i > 0) expect(range.sinceMs).toBe(windows[i - 1]!.range.untilMs)
      }
    }),
  )
})

test('an attempt weighs half after a half-life, and a quarter after two', () => {
  const windows = discountWindows(NOW_MS, 8 * DAY_MS)
  const weightAt = (ageMs: number): number =>
    windows.find(({ range }) => range.sinceMs <= NOW_MS - ageMs && NOW_MS - ageMs < range.untilMs)!.weight
  expect(weightAt(8 * DAY_MS)).toBeCloseTo(0.5, 1)
  expect(weightAt(16 * DAY_MS)).toBeCloseTo(0.25, 1)
})
