import { z } from 'zod'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import { type AttemptField, FIELD_LIST } from '../core/attempt/fields.ts'
import { OUTCOME_FIELDS } from '../core/attempt/outcome.ts'
import type { Outcome } from '../core/fold.ts'
import type { AttemptOrder, AttemptPage, MissingAttempts } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { choice, count, flag, text, withoutOutcome } from './parameters.ts'
import { defineQuestion, InvalidParameters, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

export interface AttemptsQuery extends Omit<Selection, 'outcome'> {
  /** 1 to 1,000. 100 by default. */
  readonly limit?: number | undefined
  /** The `next_cursor` of the previous page. */
  readonly cursor?: string | undefined
  /** `newest` by default. */
  readonly order?: AttemptOrder | undefined
  readonly with_ids?: boolean | undefined
  readonly with_outcomes?: boolean | undefined
}

/** An attempt as stored: the fields of the table, its timestamp, and the computed cost. */
const keptAttempt = z
  .strictObject({
    ...Object.fromEntries(FIELD_LIST.map(field => [field.name, fieldSchema(field)])),
    timestamp: z.string().meta({ description: 'End of the attempt, RFC 3339.' }),
    computed_cost_usd: z
      .number()
      .min(0)
      .optional()
      .meta({ description: 'Cost in US dollars, computed from tokens and prices.' }),
  })
  .meta({ id: 'KeptAttempt' }) as unknown as z.ZodType<AgentAttempt, AgentAttempt>

function fieldSchema(field: AttemptField): z.ZodType {
  const { required, description } = field
  const schema = valueSchema(field).meta({ description })
  return required ? schema : schema.optional()
}

function valueSchema(field: AttemptField): z.ZodType {
  switch (field.kind) {
    case 'boolean':
      return z.boolean()
    case 'number':
      return field.nullable ? z.number().min(0).nullable() : z.number().min(0)
    case 'integer':
      return z.int().min(0)
    case 'string':
    case 'timestamp':
      return z.string()
  }
}

const keptOutcome = z
  .strictObject({
    attempt_id: z.string().meta({ description: OUTCOME_FIELDS.attempt_id.description }),
    success: z.boolean().meta({ description: OUTCOME_FIELDS.success.description }),
    source: z.string().meta({ description: OUTCOME_FIELDS.source.description }),
    timestamp: z.string().meta({ description: 'When it was found out, or received, RFC 3339.' }),
    note: z.string().optional().meta({ description: OUTCOME_FIELDS.note.description }),
  })
  .meta({ id: 'KeptOutcome' }) as unknown as z.ZodType<Outcome, Outcome>

const missingAttempts: ObjectSchema<MissingAttempts> = objectSchema('MissingAttempts', {
  records: z.int().min(0).meta({ description: 'Attempts that cannot be read, whether or not they fit the question.' }),
  segments: z.int().min(0).meta({ description: 'Parts of the store that are gone or cut short.' }),
  exact: z.boolean().meta({ description: 'False if there may be more than `records`.' }),
})

export const attempts: Question<'attempts', AttemptsQuery, AttemptPage> = defineQuestion({
  path: 'attempts',
  command: 'attempts',
  isExact: true,
  summary: 'Kept attempts, newest first; follow next_cursor for more',
  parameters: z.strictObject({
    ...withoutOutcome,
    limit: count('Attempts per page at most', 1, 1000).default(100),
    cursor: text('The next_cursor of the page before', 'cursor').optional(),
    order: choice(
      ['newest', 'oldest'],
      'Which attempts come first. From the oldest on, the pages end with what was kept when the first was read',
    ).default('newest'),
    with_ids: flag('Give attempts that were kept without an id one that is the same at every call').default(false),
    with_outcomes: flag('Add the outcomes that were recorded between the attempts of the page').default(false),
  }),
  answer: z.strictObject({
    attempts: z.array(keptAttempt).meta({ description: 'The attempts of the page.' }),
    next_cursor: z.string().nullable().meta({ description: 'The cursor of the next page; null after the last.' }),
    outcomes: z.exactOptional(
      z.array(keptOutcome).meta({
        description:
          'With with_outcomes: the outcomes that were recorded between the attempts of the page, in the same order. Absent if there are none.',
      }),
    ),
    missing: z.exactOptional(missingAttempts).meta({ description: 'Present only if attempts are missing.' }),
  }),
  example: { limit: 2 },
  async run(facts, { range, filter, limit, cursor, order, with_ids, with_outcomes }, signal) {
    try {
      const flags = { withIds: with_ids, withOutcomes: with_outcomes }
      return await facts.attempts({ ...filter, range, limit, cursor, order, ...flags, signal })
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidParameters([{ name: 'cursor', detail: error.message }])
      throw error
    }
  },
})
