import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { hasPlainTexts, printAttempt } from '../../../src/receive/otlp/attempt-text.ts'
import { addText, letTextsGo, noTexts, textsOf } from '../../../src/receive/otlp/attempt-texts.ts'

const plain = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019 ~!#[]{}:,./-_') })
const hostile = fc.constantFrom('"', '\\', 'a"b', 'é', '🦊', '\ud800', '\u007f', '\n', '\u0000', '\u2028', '')
const text = fc.oneof({ weight: 12, arbitrary: plain }, { weight: 1, arbitrary: hostile })
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, 0.001, 0.01, 0.1, 0.5, 999.999, 1000, 1e6, 1e6 + 0.001, 999_999.999, 1e9, 1e9 - 0.001),
  fc.constantFrom(5e-324, 1e-7, 0.0005, 0.0015, 0.30000000000000004, 1e21, 1.7976931348623157e308),
  fc.integer({ min: 0, max: 2_000_000_000 }).map(thousandths => thousandths / 1000),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const option = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })

const attempts: fc.Arbitrary<NewAttempt> = fc
  .record({
    agent_name: text,
    model_name: text,
    issue_type: text,
    success: fc.boolean(),
    confidence: fc.oneof(fc.constant(null), option(number)),
    time_seconds: number,
    timestamp: option(fc.constantFrom('2026-01-31T12:00:00.000Z', '2026-01-31 12:00:00,5')),
    attempt_id: option(text),
    error_type: option(text),
    experiment: option(text),
    variant: option(text),
    input_tokens: option(number),
    output_tokens: option(number),
    cache_read_tokens: option(number),
    cache_write_tokens: option(number),
    cost_usd: option(number),
  })
  .map(fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never)

test('an attempt whose texts are plain is printed as JSON.stringify prints it, whatever its numbers', () => {
  let printed = 0
  const law = fc.property(attempts, attempt => {
    if (!hasPlainTexts(attempt)) return
    printed++
    expect(printAttempt(attempt)).toBe(JSON.stringify(attempt))
  })
  fc.assert(law, { numRuns: 5000 })
  expect(printed).toBeGreaterThan(1500)
})

test.each(['"', '\\', 'é', '\ud800', '\u007f', '\u001f', 'a\nb'])('a text that holds %j is not plain', name => {
  const attempt = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }
  expect(hasPlainTexts(attempt)).toBe(true)
  for (const field of ['agent_name', 'model_name', 'issue_type', 'attempt_id', 'error_type', 'experiment', 'variant']) {
    expect(hasPlainTexts({ ...attempt, [field]: `x${name}` })).toBe(false)
  }
})

describe('the texts of a request', () => {
  const attemptOf = (i: number): NewAttempt => ({
    agent_name: `agent-${i}`.padEnd(200, '.'),
    model_name: 'm',
    issue_type: 'i',
    success: true,
    time_seconds: i,
  })

  /** What stands in the places of texts of so many attempts; every seventh is not at hand. */
  function kept(from: number, count: number): { readonly read: () => unknown[]; readonly letGo: () => void } {
    const texts = noTexts()
    for (let i = 0; i < count; i++) addText(texts, i % 7 === 6 ? undefined : attemptOf(from + i))
    const { sources, starts, ends } = textsOf(texts)
    const textAt = (i: number): string | undefined =>
      sources[i] && Buffer.from(sources[i]).toString('utf8', starts[i], ends[i])
    const read = (): unknown[] => sources.map((_, i) => JSON.parse(textAt(i) ?? 'null'))
    return { read, letGo: () => letTextsGo(texts) }
  }
  const expected = (from: number, count: number): unknown[] =>
    Array.from({ length: count }, (_, i) => (i % 7 === 6 ? null : attemptOf(from + i)))

  test.each([0, 1, 7, 20, 40, 41, 500, 3000])('stand where they are said to stand: %i of them', count => {
    const { read, letGo } = kept(0, count)
    expect(read()).toEqual(expected(0, count))
    letGo()
  })

  test('of one request stay as they are while those of others come and go', () => {
    const one = kept(0, 600)
    for (let i = 1; i < 30; i++) kept(i * 1000, 600).letGo()
    const other = kept(50_000, 600)
    expect(one.read()).toEqual(expected(0, 600))
    expect(other.read()).toEqual(expected(50_000, 600))
    one.letGo()
    other.letGo()
  })

  test('that are longer than all bounds are left out', () => {
    const texts = noTexts()
    const timestamp = `2026-01-31T12:00:00.${'0'.repeat(100_000)}Z`
    addText(texts, { ...attemptOf(0), timestamp })
    addText(texts, attemptOf(1))
    const { sources, starts, ends } = textsOf(texts)
    expect(sources[0]).toBeUndefined()
    expect(JSON.parse(Buffer.from(sources[1]!).toString('utf8', starts[1], ends[1]))).toEqual(attemptOf(1))
  })
})
