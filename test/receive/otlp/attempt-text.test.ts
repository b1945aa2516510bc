import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { hasPlainTexts, printAttempt } from '../../../src/receive/otlp/attempt-text.ts'

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
