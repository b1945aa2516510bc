import { describe, expect, test } from 'vitest'
import { mixChange, partsOf } from '../../../src/core/reports/mix-change.ts'

const attempts = (counts: Readonly<Record<string, number>>) => new Map(Object.entries(counts))

describe('a change of the mix of agents', () => {
  test('names the agent whose share changed most', () => {
    expect(mixChange(attempts({ A: 80, B: 20 }), attempts({ A: 30, B: 60, C: 10 }))).toEqual({
      agent_name: 'A',
      earlier_share: 80,
      later_share: 30,
    })
  })

  test('an agent that is new or has gone changes the mix', () => {
    expect(mixChange(attempts({ A: 100 }), attempts({ A: 50, B: 50 }))).toMatchObject({ earlier_share: 100 })
    expect(mixChange(attempts({ A: 100 }), attempts({ B: 100 }))).toMatchObject({ earlier_share: 100, later_share: 0 })
  })

  test.each([
    ['the same mix', { A: 50, B: 50 }, { A: 500, B: 500 }],
    ['a change below 10 points', { A: 5000, B: 5000 }, { A: 5900, B: 4100 }],
    ['a change within 3 standard errors', { A: 5, B: 5 }, { A: 8, B: 2 }],
    ['one agent', { A: 10 }, { A: 1000 }],
    ['no attempts', {}, { A: 10 }],
  ])('%s is none', (_, earlier, later) => {
    expect(mixChange(attempts(earlier), attempts(later))).toBeUndefined()
  })
})

test('the two parts have about half of the attempts each, and leave out no interval', () => {
  const intervals = [0, 1, 2, 3].map(sinceMs => ({ sinceMs, untilMs: sinceMs + 1 }))
  const counts = [10, 10, 0, 20].map(attempts => ({ successes: 0, attempts }))
  expect(partsOf(intervals, counts)).toEqual({
    earlier: { sinceMs: 0, untilMs: 3 },
    later: { sinceMs: 3, untilMs: 4 },
  })
  expect(partsOf(intervals.slice(0, 1), counts.slice(0, 1))).toBeUndefined()
  expect(partsOf([], [])).toBeUndefined()
})
