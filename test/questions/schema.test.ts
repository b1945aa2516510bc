/** Schemas are held equal to types by the compiler: every line below an @ts-expect-error must not compile. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type ObjectSchema, objectSchema } from '../../src/questions/schema.ts'

interface Row {
  readonly rate: number
  readonly verdict: 'better' | 'worse'
  readonly names: readonly string[]
  readonly note?: string | undefined
}

const rate = z.number()
const verdict = z.enum(['better', 'worse'])
const names = z.array(z.string())
const note = z.string().optional()

test('the schema of a type takes what the type allows, and no other member', () => {
  const row: ObjectSchema<Row> = objectSchema('Row', { rate, verdict, names, note })
  expect(row.safeParse({ rate: 1, verdict: 'better', names: [] }).success).toBe(true)
  expect(row.safeParse({ rate: 1, verdict: 'better', names: [], more: 1 }).success).toBe(false)
})

test('a schema that differs from its type does not compile', () => {
  const differing: ObjectSchema<Row>[] = [
    // @ts-expect-error: a member is missing
    objectSchema('NoRate', { verdict, names, note }),
    // @ts-expect-error: an optional member is missing
    objectSchema('NoNote', { rate, verdict, names }),
    // @ts-expect-error: a member is too many
    objectSchema('More', { rate, verdict, names, note, more: rate }),
    // @ts-expect-error: a value of a member is missing
    objectSchema('OneVerdict', { rate, verdict: z.enum(['better']), names, note }),
    // @ts-expect-error: a value of a member is too many
    objectSchema('ThreeVerdicts', { rate, verdict: z.enum(['better', 'worse', 'equal']), names, note }),
    // @ts-expect-error: a member is optional that is not
    objectSchema('OptionalRate', { rate: rate.optional(), verdict, names, note }),
  ]
  expect(differing).toHaveLength(6)
})
