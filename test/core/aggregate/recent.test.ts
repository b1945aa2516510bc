import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addRecent,
  createRecent,
  createRecentSlab,
  forEachOutcome,
  meanDisplacement,
  RECENT_LIMIT,
  recentResults,
} from '../../../src/core/aggregate/recent.ts'
import type { DecidedAttempt } from '../../../src/core/attempt/attempt.ts'

const KEY = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
const MINUTE = 60_000
const anAttempt = (success: boolean): DecidedAttempt => ({ ...KEY, success, time_seconds: 1, timestamp: '' })

/** The recent attempts after attempts of these minutes were received in this order, every other one a success. */
function receivedAt(minutes: readonly number[]): ReturnType<typeof createRecent> {
  const [recent, slab] = [createRecent(), createRecentSlab()]
  for (const [i, minute] of minutes.entries())
    addRecent(recent, anAttempt(i % 2 === 0), { ms: minute * MINUTE, local: false }, slab)
  return recent
}

describe('the recent attempts of a key', () => {
  test('are given to drift in the order of their own time, those of the same time in the order of receipt', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 100 }), minutes => {
        const received = minutes.map((minute, i) => ({ ms: minute * MINUTE, success: i % 2 === 0 }))
        const visited: { ms: number; success: boolean }[] = []
        forEachOutcome(receivedAt(minutes), (ms, successes) => visited.push({ ms, success: successes === 1 }))
        expect(visited).toEqual(received.toSorted((a, b) => a.ms - b.ms))
      }),
    )
  })

  test('are displaced by nothing in order, and else by the mean distance between the orders of receipt and of time', () => {
    expect(meanDisplacement(receivedAt([]))).toBe(0)
    expect(meanDisplacement(receivedAt([1, 2, 2, 3]))).toBe(0)
    // Ranks by time are 1, 3, 2, 0.
    expect(meanDisplacement(receivedAt([2, 4, 3, 1]))).toBe((1 + 2 + 0 + 3) / 4)
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 250 }), minutes => {
        const held = minutes.slice(-RECENT_LIMIT).map((minute, received) => ({ minute, received }))
        const sorted = held.toSorted((a, b) => a.minute - b.minute)
        const sum = sorted.reduce((total, { received }, rank) => total + Math.abs(rank - received), 0)
        expect(meanDisplacement(receivedAt(minutes))).toBeCloseTo(sum / held.length, 12)
      }),
    )
  })

  test('are listed in the order of receipt, and in a range only those in it', () => {
    const recent = receivedAt([5, 3, 9, 3, 4])
    const listed = (range?: { sinceMs: number; untilMs: number }): number[] =>
      [...recentResults(recent, KEY, range)].map(({ timestamp }) => Date.parse(timestamp) / MINUTE)
    expect(listed()).toEqual([5, 3, 9, 3, 4])
    expect(listed({ sinceMs: 3 * MINUTE, untilMs: 5 * MINUTE })).toEqual([3, 3, 4])
  })

  test('have times in UTC; those of an adopted document as it had them', () => {
    const [recent, slab] = [createRecent(), createRecentSlab()]
    const times = [undefined, 0, 60, -9 * 60 - 30, 345, 14 * 60, 7]
    for (const offsetMinutes of times) {
      const offset = offsetMinutes === undefined ? {} : { offsetMinutes }
      addRecent(recent, anAttempt(true), { ms: 0.5, local: false, ...offset }, slab)
    }
    expect([...recentResults(recent, KEY)].map(({ timestamp }) => timestamp)).toEqual([
      '1970-01-01T00:00:00.000500Z',
      '1970-01-01T00:00:00.000500',
      '1970-01-01T01:00:00.000500',
      '1969-12-31T14:30:00.000500',
      '1970-01-01T05:45:00.000500',
      '1970-01-01T14:00:00.000500',
      // No zone has had this offset for a century.
      '1970-01-01T00:00:00.000500Z',
    ])
  })
})
