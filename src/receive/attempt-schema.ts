/** The schema of an attempt in requests, from which /openapi.json is made. {@link readAttempt} validates the same. */
import { z } from 'zod'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { type AttemptField, FIELD_LIST, PAIRED_FIELDS } from '../core/attempt/fields.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'

const CONTROL_FREE = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'

function valueSchema(field: AttemptField): z.ZodType {
  const { description } = field
  switch (field.kind) {
    case 'string':
      return nameSchema(description, field.maxBytes)
    case 'boolean':
      return z.boolean().meta({ description })
    case 'number': {
      const number = z.number().min(0).max(field.max).meta({ description })
      return field.nullable ? z.nullish(number) : number
    }
    case 'integer':
      return z.int().min(0).max(field.max).meta({ description })
    case 'timestamp':
      return z
        .string()
        .refine(text => parseTimestamp(text) !== undefined)
        .meta({ description, examples: ['2026-01-31T12:00:00Z'] })
  }
}

/** The bound is in bytes. JSON Schema's maxLength counts characters, and would promise that longer names are valid: the description says it. */
export function nameSchema(description: string, maxBytes: number): z.ZodType {
  return z
    .string()
    .refine(value => nameProblem(value, maxBytes) === undefined)
    .meta({
      minLength: 1,
      pattern: CONTROL_FREE,
      description: `${description} 1 to ${maxBytes} bytes of UTF-8 without control characters.`,
    })
}

const shape = Object.fromEntries(
  FIELD_LIST.map(field => [field.name, field.required ? valueSchema(field) : valueSchema(field).optional()]),
)

const [first, second] = PAIRED_FIELDS

/** One attempt, as `POST /api/v1/attempts` takes it. An unknown field is an error. */
export const attemptSchema: z.ZodType<NewAttempt> = z
  .strictObject(shape)
  .refine(value => (value[first] === undefined) === (value[second] === undefined), {
    error: `${first} and ${second} are stated both or neither`,
  })
  // JSON Schema says this only with anyOf, which the tools of some models do not take at the root. The description of success says it.
  .refine(({ success, attempt_id }) => success !== undefined || attempt_id !== undefined, {
    error: 'attempt_id is required where success is absent',
  })
  .meta({
    id: 'Attempt',
    description: 'One try of one agent at one issue.',
    dependentRequired: { [first]: [second], [second]: [first] },
  }) as unknown as z.ZodType<NewAttempt>
