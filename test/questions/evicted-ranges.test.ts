/** Ranges whose first buckets are evicted while an answer is computed, as under load with many keys. */
import { expect, test } from 'vitest'
import { RangeNotHeld, type TimeRange } from '../../src/core/ports.ts'
import { EXAMPLE_NOW_MS, exampleFacts } from '../../src/openapi/example-facts.ts'
import type { Facts } from '../../src/questions/question.ts'
import { answerQuestion } from '../../src/questions/questions.ts'

const HOUR_MS = 3_600_000

/** Facts that hold a minute less at each read of summaries. After the last eviction they are stable. */
function evicting(evictions: number, clip: (range: TimeRange, heldMs: number) => TimeRange) {
  const facts = exampleFacts()
  let heldMs = EXAMPLE_NOW_MS - 24 * HOUR_MS
  let left = evictions
  const evictingFacts: Facts = {
    ...facts,
    clip: range => facts.clip(clip(range, heldMs)),
    summaries: async (...given) => {
      if (left-- <= 0) return await facts.summaries(...given)
      heldMs += 60_000
      throw new RangeNotHeld(heldMs)
    },
  }
  return { facts: evictingFacts, reads: () => evictions - left }
}

const clippedTo = (range: TimeRange, heldMs: number): TimeRange => ({
  ...range,
  sinceMs: Math.max(range.sinceMs, heldMs),
})

test('a question is computed again for what is held then, and its answer says that range', async () => {
  const { facts, reads } = evicting(2, clippedTo)
  const { range, ...answer } = await answerQuestion(facts, 'report', { since: '24h' }, EXAMPLE_NOW_MS)
  const { range: _, ...quiet } = await answerQuestion(exampleFacts(), 'report', { since: '24h' }, EXAMPLE_NOW_MS)
  expect(reads()).toBe(3)
  expect(answer).toEqual(quiet)
  expect(Date.parse(range!.since)).toBeGreaterThanOrEqual(EXAMPLE_NOW_MS - 24 * HOUR_MS + 60_000)
})

test('a question whose range keeps being evicted is refused after four computations', async () => {
  const { facts, reads } = evicting(100, clippedTo)
  await expect(answerQuestion(facts, 'report', { since: '24h' }, EXAMPLE_NOW_MS)).rejects.toThrow(RangeNotHeld)
  expect(reads()).toBe(4)
})

test('a range that is not held any more is refused by the next clip', async () => {
  const { facts, reads } = evicting(1, (range, heldMs) => {
    if (range.sinceMs < heldMs) throw new RangeNotHeld(heldMs)
    return range
  })
  await expect(answerQuestion(facts, 'report', { since: '24h' }, EXAMPLE_NOW_MS)).rejects.toThrow(RangeNotHeld)
  expect(reads()).toBe(1)
})
