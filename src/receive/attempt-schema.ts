/** The wire schema of an attempt: what validates, and what /openapi.json is made from. Tied to the core type by the compiler. */
import { z } from 'zod'
import {
  type AttemptFields,
  type AttemptProblem,
  attemptProblems,
  BOUNDS,
  hasSoundFields,
  isAttempt,
  type NewAttempt,
  nameProblem,
} from '../core/attempt/attempt.ts'
import { type Instant, parseTimestamp } from '../core/attempt/timestamp.ts'

const CONTROL_FREE = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'

/** JSON Schema counts characters where the bound is in bytes: its maxLength is an upper bound, which only ASCII reaches. */
function name(description: string, maxBytes: number = BOUNDS.nameBytes): z.ZodType<string> {
  return z
    .string()
    .refine(value => nameProblem(value, maxBytes) === undefined)
    .meta({
      minLength: 1,
      maxLength: maxBytes,
      pattern: CONTROL_FREE,
      description: `${description} 1 to ${maxBytes} bytes of UTF-8 without control characters; maxLength counts characters.`,
    })
}

function number(description: string, max: number): z.ZodNumber {
  return z.number().min(0).max(max).meta({ description })
}

const tokens = (description: string): z.ZodNumber => z.int().min(0).max(BOUNDS.maxTokens).meta({ description })

/** One attempt, as `POST /api/v1/attempts` takes it. An unknown field is an error. */
export const attemptSchema: z.ZodType<NewAttempt> = z
  .strictObject({
    agent_name: name('The agent, compared byte for byte.'),
    model_name: name('The model the agent ran with.'),
    issue_type: name('What kind of issue it tried to fix.'),
    success: z.boolean().meta({ description: 'Whether the issue was fixed.' }),
    confidence: z.nullish(
      number("The agent's stated confidence, 0 to 1; absent: counts in everything but confidence.", 1),
    ),
    time_seconds: number('How long the attempt took, in seconds.', BOUNDS.maxTimeSeconds),
    timestamp: z
      .string()
      .refine(isTimestamp)
      .meta({
        description: 'When the attempt ended (RFC 3339; without a zone: local time). Default: the time of receipt.',
        examples: ['2026-01-31T12:00:00Z'],
      })
      .optional(),
    attempt_id: name('Identity: the same id counts once, so that sending again is safe.', BOUNDS.idBytes).optional(),
    error_type: name('Why it failed, as a short stable word.').optional(),
    experiment: name('The A/B test it belongs to.').optional(),
    variant: name('Which configuration of the experiment ran.').optional(),
    input_tokens: tokens('Tokens put in, outside any cache.').optional(),
    output_tokens: tokens('Tokens put out.').optional(),
    cache_read_tokens: tokens('Tokens read from a cache.').optional(),
    cache_write_tokens: tokens('Tokens written to a cache.').optional(),
    cost_usd: number(
      'What it cost, as reported. Without it the cost is computed where the model has a price.',
      BOUNDS.maxCostUsd,
    ).optional(),
  })
  .meta({ id: 'Attempt', description: 'One try of one agent at one issue.' })

/** An attempt that is as documented, and what its timestamp states. */
export interface SoundAttempt {
  readonly attempt: NewAttempt
  readonly at: Instant | undefined
  readonly problems?: undefined
}

/** Everything that keeps a value from being an attempt. */
export interface FaultyAttempt {
  readonly attempt?: undefined
  readonly problems: readonly AttemptProblem[]
}

/**
 * The attempt that `value` is, or everything that keeps it from being one. Total, whatever it is given. The plain check of the core goes
 * first because it costs a tenth of the schema's; the two agree, and where they did not, the schema would have the say. `isPlain` states
 * that no string in it holds anything but printable ASCII.
 */
export function readAttempt(value: unknown, isPlain = false): SoundAttempt | FaultyAttempt {
  lastInstant = undefined
  if (isAttempt(value, isTimestamp, isPlain)) return { attempt: value, at: lastInstant }
  const checked = attemptSchema.safeParse(value)
  if (checked.success) return { attempt: checked.data, at: lastInstant }
  const problems = attemptProblems(value, isTimestamp)
  return { problems: problems.length > 0 ? problems : [{ pointer: '', detail: 'is not an attempt as documented' }] }
}

/**
 * The same for what was put together here, and so has no fields but those of an attempt: that they are the very ones need not be found
 * out again. Fields that are undefined may be among them.
 */
export function readFields(fields: AttemptFields, isPlain: boolean): SoundAttempt | FaultyAttempt {
  lastInstant = undefined
  if (hasSoundFields(fields, isTimestamp, isPlain)) return { attempt: fields, at: lastInstant }
  return readAttempt(fields)
}

/** What the timestamp stated that was looked at last: so that it is read once. */
let lastInstant: Instant | undefined

function isTimestamp(text: string): boolean {
  lastInstant = parseTimestamp(text)
  return lastInstant !== undefined
}
