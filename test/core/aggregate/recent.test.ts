import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addRecent,
  createRecent,
  createRecentSlab,
  recentOutcomes,
  recentResults,
} from '../../../src/core/aggregate/recent.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { printTimestamp } from '../../../src/core/attempt/timestamp.ts'

const KEY = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
const MINUTE = 60_000
const anAttempt = (success: boolean): AgentAttempt => ({ ...KEY, success, time_seconds: 1, timestamp: '' })

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
        expect(recentOutcomes(receivedAt(minutes))).toEqual(received.toSorted((a, b) => a.ms - b.ms))
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

  test('have times in UTC, whether or not they were received with a zone', () => {
    const [recent, slab] = [createRecent(), createRecentSlab()]
    addRecent(recent, anAttempt(true), { ms: 0.5, local: true }, slab)
    expect([...recentResults(recent, KEY)][0]!.timestamp).toBe(printTimestamp({ ms: 0.5, local: false }))
    expect([...recentResults(recent, KEY)][0]!.timestamp).toBe('1970-01-01T00:00:00.000500Z')
  })
})
