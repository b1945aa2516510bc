/** The schema of an outcome in requests, from which /openapi.json is made. `outcomeProblems` validates the same. */
import { z } from 'zod'
import { OUTCOME_BYTES, OUTCOME_FIELDS } from '../core/attempt/outcome.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import type { Outcome } from '../core/fold.ts'
import { nameSchema } from './attempt-schema.ts'

const description = (field: keyof Outcome): { readonly description: string } => ({
  description: OUTCOME_FIELDS[field].description,
})

/** One outcome, as `POST /api/v1/outcomes` takes it. An unknown field is an error. */
export const outcomeSchema: z.ZodType<Outcome> = z
  .strictObject({
    attempt_id: nameSchema(OUTCOME_FIELDS.attempt_id.description, OUTCOME_BYTES.attempt_id),
    success: z.boolean().meta(description('success')),
    source: nameSchema(OUTCOME_FIELDS.source.description, OUTCOME_BYTES.source),
    timestamp: z
      .string()
      .refine(text => parseTimestamp(text) !== undefined)
      .optional()
      .meta({ ...description('timestamp'), examples: ['2026-01-31T12:00:00Z'] }),
    note: z
      .string()
      .optional()
      .meta({ description: `${OUTCOME_FIELDS.note.description} At most ${OUTCOME_BYTES.note} bytes of UTF-8.` }),
  })
  .meta({
    id: 'Outcome',
    description: 'What became known of an attempt after it was recorded.',
  }) as unknown as z.ZodType<Outcome>
