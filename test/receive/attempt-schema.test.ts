import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ATTEMPT_FIELDS, FIELD_LIST } from '../../src/core/attempt/fields.ts'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import { attemptProblems } from '../../src/core/attempt/validation.ts'
import { attemptSchema } from '../../src/receive/attempt-schema.ts'
import { readAttempt } from '../../src/receive/read-attempt.ts'

const good = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }

const values = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'x',
    ' ',
    '\u0000',
    '\u0085',
    '\ud800',
    'é'.repeat(128),
    'é'.repeat(129),
    -0,
    -1,
    0.5,
    1,
    1.5,
    1e9,
    1e13,
    [],
    {},
    '2026-01-31T12:00:00Z',
    '2026-01-31',
  ),
  fc.double(),
  fc.integer(),
  fc.string({ unit: 'binary' }),
)
const fields = fc.constantFrom(...FIELD_LIST.map(field => field.name), 'unknown', 'constructor', '__proto__')
const changed = fc.array(fc.tuple(fields, values), { maxLength: 4 }).chain(changes => {
  const entries = [...Object.entries(good), ...changes]
  return fc
    .constantFrom(
      entries,
      entries.filter(([name]) => name !== 'success'),
    )
    .map(Object.fromEntries)
})

test('the HTTP decoder and its schema accept exactly the attempts that the library accepts', () => {
  fc.assert(
    fc.property(fc.oneof(changed, values), value => {
      const problems = attemptProblems(value, text => parseTimestamp(text) !== undefined)
      expect(readAttempt(value).attempt === undefined).toBe(problems.length > 0)
      expect(attemptSchema.safeParse(value).success).toBe(problems.length === 0)
    }),
    { numRuns: 3000 },
  )
})

interface NameSchema {
  readonly description: string
  readonly maxLength?: number
}

test.each(FIELD_LIST.flatMap(field => (field.kind === 'string' ? [[field.name, field.maxBytes] as const] : [])))(
  'limits %s to %d bytes, not characters, and states this instead of a maxLength',
  (name, maxBytes) => {
    const text = (bytes: number): string => 'é'.repeat(Math.floor(bytes / 2)) + 'x'.repeat(bytes % 2)
    const whole = { ...good, experiment: 'e', variant: 'v' }
    expect(readAttempt({ ...whole, [name]: text(maxBytes) }).problems).toBeUndefined()
    expect(readAttempt({ ...whole, [name]: text(maxBytes + 1) }).problems).toMatchObject([{ pointer: `/${name}` }])
    const { $defs } = z.toJSONSchema(attemptSchema, { io: 'input', unrepresentable: 'any' }) as never as {
      readonly $defs: Readonly<Record<string, { readonly properties: Readonly<Record<string, NameSchema>> }>>
    }
    const [{ properties }] = Object.values($defs) as [(typeof $defs)[string]]
    expect(properties[name]!.maxLength).toBeUndefined()
    expect(properties[name]!.description).toContain(`1 to ${maxBytes} bytes of UTF-8`)
  },
)

test('takes an undefined optional field as absent, and an undefined required field as missing', () => {
  expect(readAttempt({ ...good, confidence: undefined }).problems).toBeUndefined()
  expect(readAttempt({ ...good, success: undefined, attempt_id: 'x' }).problems).toBeUndefined()
  expect(readAttempt({ ...good, time_seconds: undefined }).problems).toEqual([
    { pointer: '/time_seconds', detail: 'is required' },
  ])
})

test('the schema in /openapi.json requires experiment and variant together', () => {
  const schema = JSON.stringify(z.toJSONSchema(attemptSchema, { io: 'input', unrepresentable: 'any' }))
  expect(schema).toContain('"dependentRequired":{"experiment":["variant"],"variant":["experiment"]}')
})

test('takes an object without a prototype as any other, and no field from a prototype', () => {
  expect(readAttempt(Object.assign(Object.create(null), good)).problems).toBeUndefined()
  expect(readAttempt(Object.create(good)).problems).toHaveLength(5)
})

test.each([
  [{ ...good, agent_name: 'x'.repeat(ATTEMPT_FIELDS.agent_name.maxBytes + 1) }, '/agent_name', 'at most 256 bytes'],
  [{ ...good, agent_name: 'a\nb' }, '/agent_name', 'control characters'],
  [{ ...good, agent_name: '\ud800' }, '/agent_name', 'lone surrogate'],
  [{ ...good, success: 'true' }, '/success', 'true or false, not a string'],
  [{ ...good, time_seconds: Number.POSITIVE_INFINITY }, '/time_seconds', 'finite'],
  [{ ...good, time_seconds: -1 }, '/time_seconds', 'from 0'],
  [{ ...good, confidence: 1.01 }, '/confidence', 'from 0 to 1'],
  [{ ...good, timestamp: 'yesterday' }, '/timestamp', 'RFC 3339'],
  [{ ...good, input_tokens: 1.5 }, '/input_tokens', 'whole number'],
  [{ ...good, 'a/b~c': 1 }, '/a~1b~0c', 'not a known field'],
  [JSON.parse('{"__proto__": {}}'), '/__proto__', 'not a known field'],
  [{ ...good, experiment: 'prompt' }, '/variant', 'is required with experiment'],
  [{ ...good, variant: 'short' }, '/experiment', 'is required with variant'],
  [{ ...good, success: undefined }, '/attempt_id', 'is required where success is absent'],
  [{ ...good, success: undefined, attempt_id: undefined }, '/attempt_id', 'is required where success is absent'],
  [{}, '/agent_name', 'is required'],
  [[], '', 'must be an object, not an array'],
  [null, '', 'must be an object, not null'],
])('%j is refused at %s', (value, pointer, detail) => {
  const { problems } = readAttempt(value)
  expect(problems).toContainEqual({ pointer, detail: expect.stringContaining(detail) })
})

test('accepts names of object properties, and any other names without control characters', () => {
  for (const agent_name of [
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '../../x',
    '"}',
    ' ',
    '🦊',
    'عربي',
    'é',
    'e\u0301',
  ]) {
    expect(readAttempt({ ...good, agent_name }).attempt).toEqual({ ...good, agent_name })
  }
})
