import { expect, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { addRawJson, finishRawJson, noRawJson, releasePages } from '../../../src/receive/otlp/raw-json-pages.ts'

const attemptOf = (i: number): NewAttempt => ({
  agent_name: `agent-${i}`.padEnd(200, '.'),
  model_name: 'm',
  issue_type: 'i',
  success: true,
  time_seconds: i,
})

/** The raw JSON of `count` attempts, every seventh of which is left to the store, and what it reads as. */
function written(from: number, count: number): { readonly read: () => unknown[]; readonly release: () => void } {
  const rawJson = noRawJson()
  for (let i = 0; i < count; i++) addRawJson(rawJson, i % 7 === 6 ? undefined : attemptOf(from + i))
  const { sources, starts, ends } = finishRawJson(rawJson)
  const jsonAt = (i: number): string | undefined =>
    sources[i] && Buffer.from(sources[i]).toString('utf8', starts[i], ends[i])
  const read = (): unknown[] => sources.map((_, i) => JSON.parse(jsonAt(i) ?? 'null'))
  return { read, release: () => releasePages(rawJson) }
}
const expected = (from: number, count: number): unknown[] =>
  Array.from({ length: count }, (_, i) => (i % 7 === 6 ? null : attemptOf(from + i)))

test.each([0, 1, 7, 20, 40, 41, 500, 3000])('locates each of %i attempts', count => {
  const { read, release } = written(0, count)
  expect(read()).toEqual(expected(0, count))
  release()
})

test('leaves the raw JSON of a request unchanged while other requests take and release pages', () => {
  const one = written(0, 600)
  for (let i = 1; i < 30; i++) written(i * 1000, 600).release()
  const other = written(50_000, 600)
  expect(one.read()).toEqual(expected(0, 600))
  expect(other.read()).toEqual(expected(50_000, 600))
  one.release()
  other.release()
})

test('leaves an attempt to the store whose JSON is longer than a page', () => {
  const rawJson = noRawJson()
  const timestamp = `2026-01-31T12:00:00.${'0'.repeat(100_000)}Z`
  addRawJson(rawJson, { ...attemptOf(0), timestamp })
  addRawJson(rawJson, attemptOf(1))
  const { sources, starts, ends } = finishRawJson(rawJson)
  expect(sources[0]).toBeUndefined()
  expect(JSON.parse(Buffer.from(sources[1]!).toString('utf8', starts[1], ends[1]))).toEqual(attemptOf(1))
})
