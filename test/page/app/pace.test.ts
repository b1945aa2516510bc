import { expect, test } from 'vitest'
import { attemptsPerDay } from '../../../src/page/app/data/pace.ts'

const NOW = Date.parse('2026-03-20T00:00:00Z')
const DAY_MS = 86_400_000
const at = (daysAgo: number, total_attempts: number) => ({
  until: new Date(NOW - daysAgo * DAY_MS).toISOString(),
  total_attempts,
})

test('the pace is that of the last week, not that of the slow or fast begin', () => {
  expect(attemptsPerDay([at(30, 1000), at(10, 1000), at(7, 1000), at(3, 1040), at(0, 1070)], NOW)).toBeCloseTo(10, 9)
})

test('the attempts a week ago are interpolated between two points', () => {
  expect(attemptsPerDay([at(14, 0), at(0, 140)], NOW)).toBeCloseTo(10, 9)
})

test('a newer experiment has the pace since its first point, and one without attempts for a week has 0', () => {
  expect(attemptsPerDay([at(2, 10), at(0, 50)], NOW)).toBeCloseTo(20, 9)
  expect(attemptsPerDay([at(40, 10), at(20, 500)], NOW)).toBe(0)
})

test('one point has no pace', () => {
  expect(attemptsPerDay([at(1, 10)], NOW)).toBeUndefined()
  expect(attemptsPerDay([], NOW)).toBeUndefined()
})
