/** The schemas of all answers: every field is described, and every rate, probability and time says its unit. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { QUESTIONS } from '../../src/questions/questions.ts'

interface JsonSchema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
}

/** Every field of a schema with its path. */
function* fieldsOf(schema: JsonSchema, path: string): Generator<readonly [path: string, name: string, JsonSchema]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, name, field]
    yield* fieldsOf(field, `${path}.${name}`)
  }
  if (schema.items !== undefined) yield* fieldsOf(schema.items, `${path}[]`)
  if (typeof schema.additionalProperties === 'object') yield* fieldsOf(schema.additionalProperties, `${path}.*`)
  for (const one of schema.anyOf ?? []) yield* fieldsOf(one, path)
}

const fields = QUESTIONS.flatMap(({ path, answer }) => [
  ...fieldsOf(z.toJSONSchema(answer, { reused: 'inline' }) as JsonSchema, path),
  ...Object.entries((z.toJSONSchema(answer) as { $defs?: Record<string, JsonSchema> }).$defs ?? {}).flatMap(
    ([name, schema]) => [...fieldsOf(schema, name)],
  ),
])

/** What the description of a field must say, by the field's name. */
const UNITS: readonly (readonly [RegExp, RegExp])[] = [
  [/(^|_)rate(s|_interval)?$|^lower_bound$|^draw$/, /percent/i],
  [/^avg_time_seconds_difference/, /seconds/i],
  [/^avg_cost_usd_difference/, /dollars/i],
  [/difference(_interval)?$|^expected_loss$/, /percentage points/i],
  [/^p_|confidence$|^auroc$|^spiegelhalter_p$|calibration_error/, /0 to 1|-1 to 1/],
  [/seconds|^p50|^p95/, /seconds/i],
  [/usd/, /US dollars/],
]

describe('the answers', () => {
  test('have fields, so that the other tests can fail', () => {
    expect(fields.length).toBeGreaterThan(200)
  })

  test('describe every field', () => {
    expect(fields.filter(([, , { description }]) => !description).map(([path]) => path)).toEqual([])
  })

  test('state the unit of rates (percent), their differences (percentage points), probabilities (0 to 1), times and costs', () => {
    const lacking = fields.filter(([, name, { description }]) => {
      const [, unit] = UNITS.find(([pattern]) => pattern.test(name)) ?? []
      return unit !== undefined && !unit.test(description ?? '')
    })
    expect(lacking.map(([path, , { description }]) => `${path}: ${description}`)).toEqual([])
  })

  test('call one thing `evidence`: what the number of attempts can show', () => {
    const levels = fields.filter(([, name]) => name === 'evidence').map(([, , field]) => field.enum)
    expect(levels.length).toBeGreaterThan(0)
    for (const level of levels) expect(level).toEqual(['insufficient', 'low', 'medium', 'high'])
  })
})
