import fc from 'fast-check'
import { expect, test } from 'vitest'
import { discountWindows } from '../../../src/core/reports/routing.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 0, 31, 12)

test('at most 401 windows cover the last ten half-lives without a gap, with weights that never decrease', () => {
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

test('an attempt has half its weight after one half-life, and a quarter after two', () => {
  const windows = discountWindows(NOW_MS, 8 * DAY_MS)
  const weightAt = (ageMs: number): number =>
    windows.find(({ range }) => range.sinceMs <= NOW_MS - ageMs && NOW_MS - ageMs < range.untilMs)!.weight
  expect(weightAt(8 * DAY_MS)).toBeCloseTo(0.5, 1)
  expect(weightAt(16 * DAY_MS)).toBeCloseTo(0.25, 1)
})
