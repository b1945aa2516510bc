/** The fields of an outcome: a result of an attempt that became known after it was recorded. */
import type { Outcome } from '../fold.ts'
import type { AttemptProblem } from './attempt.ts'
import { ATTEMPT_FIELDS } from './fields.ts'
import { escapePointer, type IsTimestamp, kindOf, nameProblem, utf8Length } from './validation.ts'

/** Bytes of UTF-8. */
export const OUTCOME_BYTES: Readonly<Record<'attempt_id' | 'source' | 'note', number>> = {
  attempt_id: ATTEMPT_FIELDS.attempt_id.maxBytes,
  source: 128,
  note: 4096,
}

/** The fields, and what each means. A note is text of any form, which is stored and nothing more. */
export const OUTCOME_FIELDS: Readonly<
  Record<keyof Outcome, { readonly required: boolean; readonly description: string }>
> = {
  attempt_id: { required: true, description: 'The id of the attempt.' },
  success: { required: true, description: 'Whether the issue was fixed.' },
  source: { required: true, description: 'Who found out, such as ci, review or production.' },
  timestamp: {
    required: false,
    description:
      'When it was found out (RFC 3339; without a zone: local time, resolved when received). Default: the time of receipt.',
  },
  note: { required: false, description: 'Why, for people.' },
}

/** All problems of `value` as an outcome. Empty if it is valid. Total. */
export function outcomeProblems(value: unknown, isTimestamp: IsTimestamp): AttemptProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ pointer: '', detail: `must be an object, not ${kindOf(value)}` }]
  const problems: AttemptProblem[] = []
  for (const [name, { required }] of Object.entries(OUTCOME_FIELDS)) {
    const stated = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
    if (stated === undefined && !required) continue
    const detail = stated === undefined ? 'is required' : problemOf(name as keyof Outcome, stated, isTimestamp)
    if (detail !== undefined) problems.push({ pointer: `/${name}`, detail })
  }
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(OUTCOME_FIELDS, name))
      problems.push({ pointer: `/${escapePointer(name)}`, detail: 'is not a known field' })
  }
  return problems
}

function problemOf(name: keyof Outcome, value: unknown, isTimestamp: IsTimestamp): string | undefined {
  switch (name) {
    case 'success':
      return typeof value === 'boolean' ? undefined : `must be true or false, not ${kindOf(value)}`
    case 'attempt_id':
    case 'source':
      return nameProblem(value, OUTCOME_BYTES[name])
    case 'timestamp':
      if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
      return isTimestamp(value) ? undefined : 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z'
    case 'note':
      return noteProblem(value)
  }
}

function noteProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds a lone surrogate'
  return utf8Length(value) > OUTCOME_BYTES.note ? `must be at most ${OUTCOME_BYTES.note} bytes of UTF-8` : undefined
}
