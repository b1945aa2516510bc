import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { type AttemptField, FIELD_LIST } from '../../../src/core/attempt/fields.ts'
import { needsNoEscapes, printAttempt } from '../../../src/receive/otlp/print-attempt.ts'

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

const VALUES: Readonly<Record<AttemptField['kind'], fc.Arbitrary<unknown>>> = {
  string: text,
  boolean: fc.boolean(),
  number: fc.oneof({ weight: 9, arbitrary: number }, { weight: 1, arbitrary: fc.constant(null) }),
  integer: number,
  timestamp: fc.constantFrom('2026-01-31T12:00:00.000Z', '2026-01-31 12:00:00,5'),
}
const attempts: fc.Arbitrary<NewAttempt> = fc
  .tuple(
    ...FIELD_LIST.map(({ kind, required }) => (required ? VALUES[kind] : fc.option(VALUES[kind], { nil: undefined }))),
  )
  .map(values => FIELD_LIST.map(({ name }, i) => [name, values[i]] as const).filter(([, value]) => value !== undefined))
  .map(fields => Object.fromEntries(fields) as never)

test('prints an attempt without escapes as JSON.stringify prints it, for any numbers', () => {
  let printed = 0
  const law = fc.property(attempts, attempt => {
    if (!needsNoEscapes(attempt)) return
    printed++
    expect(printAttempt(attempt)).toBe(JSON.stringify(attempt))
  })
  fc.assert(law, { numRuns: 5000 })
  expect(printed).toBeGreaterThan(1500)
})

test.each(['"', '\\', 'é', '\ud800', '\u007f', '\u001f', 'a\nb'])(
  'finds that a string with %j needs an escape',
  name => {
    const attempt = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }
    expect(needsNoEscapes(attempt)).toBe(true)
    for (const { name: field, kind } of FIELD_LIST) {
      if (kind === 'string') expect(needsNoEscapes({ ...attempt, [field]: `x${name}` })).toBe(false)
    }
  },
)
