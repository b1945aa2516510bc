/** How a sidecar notices groups of others: its polls are quick while they find some, and rare while nothing happens. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Kept } from '../../src/core/log.ts'
import { createWatch, type Watch } from '../../src/store/shared/watch.ts'

let polls = 0
let end = '0:'
let changes = 0
let failures = 0
let returns = 0
let isAway = false
let watch: Watch

beforeEach(() => {
  vi.useFakeTimers()
  ;[polls, end, changes, failures, returns, isAway] = [0, '0:', 0, 0, 0, false]
  const groups = {
    async end() {
      polls++
      if (isAway) throw new Error('away')
      return end
    },
  }
  watch = createWatch({ groups, clock: () => 0, pollMs: 100 })
  watch.begin({
    changed: () => void changes++,
    failed: () => void failures++,
    returned: () => void returns++,
    needsSnapshot() {},
  })
})

afterEach(() => {
  watch.stop()
  vi.useRealTimers()
})

test('while nothing is appended, there are ten polls in a second', async () => {
  await vi.advanceTimersByTimeAsync(10_000)
  expect(polls).toBe(100)
  expect(changes).toBe(0)
})

test('groups of others are found within 10 ms while they keep coming, and polls become rare again after them', async () => {
  await vi.advanceTimersByTimeAsync(1000)
  for (let sequence = 1; sequence <= 50; sequence++) {
    end = `${sequence}:x`
    await vi.advanceTimersByTimeAsync(sequence === 1 ? 100 : 10)
    expect(changes).toBe(sequence)
  }
  await vi.advanceTimersByTimeAsync(1000)
  polls = 0
  await vi.advanceTimersByTimeAsync(1000)
  expect(polls).toBe(10)
})

test('a poll during an append reports nothing, and groups of others behind it are found by the next one', async () => {
  const append = Promise.withResolvers<Kept>()
  const first = watch.duringAppend(() => append.promise)
  end = '2:x'
  await vi.advanceTimersByTimeAsync(500)
  expect(changes).toBe(0)
  append.resolve({ position: '2:x', after: '1:x' })
  await first
  await vi.advanceTimersByTimeAsync(500)
  expect(changes).toBe(0)
  end = '3:x'
  await vi.advanceTimersByTimeAsync(100)
  expect(changes).toBe(1)
})

test('after a failed append, polls report groups of others again', async () => {
  const failed = watch.duringAppend(async () => {
    end = '1:x'
    throw new Error('refused')
  })
  await expect(failed).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(100)
  expect(changes).toBe(1)
})

test('groups that were read before a poll are not reported', async () => {
  end = '3:x'
  watch.know('3:x')
  await vi.advanceTimersByTimeAsync(1000)
  expect(changes).toBe(0)
})

test('a log that has other groups than before, as after a failover, is reported by the next poll', async () => {
  watch.know('9:x')
  end = '7:y'
  await vi.advanceTimersByTimeAsync(100)
  expect(changes).toBe(1)
})

test('a failed poll is reported, and the first one that succeeds again', async () => {
  isAway = true
  await vi.advanceTimersByTimeAsync(500)
  expect([failures, returns]).toEqual([5, 0])
  isAway = false
  await vi.advanceTimersByTimeAsync(500)
  expect([failures, returns]).toEqual([5, 1])
})
