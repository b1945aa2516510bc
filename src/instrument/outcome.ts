/** The outcome of a piece of work. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_BY_NAME, type FieldsWith } from '../core/attempt/fields.ts'
import type { Problems } from './problems.ts'
import { OTHER_ERROR } from './span.ts'

/** The return value of `describe`. If success or confidence is absent, the default rule takes it from the result. */
export type AttemptOutcome = Partial<Pick<NewAttempt, FieldsWith<{ readonly known: 'end' | 'any' }>>>

/** Derives the outcome from the result of the work. Must be fast and synchronous. */
export type Describe<Result> = (result: Awaited<Result>) => AttemptOutcome

/** An outcome with a known success. */
export type KnownOutcome = AttemptOutcome & Pick<NewAttempt, 'success'>

/**
 * The outcome of completed work. `describe` overrides the default rule. The default rule reads a boolean `success` and a `confidence` from 0
 * to 1 from the result. Without `success`, completed work counts as a success. Never throws: invalid values are counted as problems.
 */
export function describedOutcome<Result>(
  result: Awaited<Result>,
  describe: Describe<Result> | undefined,
  problems: Problems,
): KnownOutcome {
  const byDefault = problems.guard('describe', () => defaultOutcome(result)) ?? { success: true }
  if (describe === undefined) return byDefault
  const said = problems.guard('describe', () => outcomeFields(describe(result), problems)) ?? {}
  if (said.success === undefined || typeof said.success === 'boolean') return { ...byDefault, ...said }
  problems.count('describe', 'success must be true or false')
  return { ...byDefault, ...said, success: byDefault.success }
}

/** The outcome of work that threw, rejected or was aborted. Never throws. */
export function failedOutcome(error: unknown): KnownOutcome {
  return { success: false, error_type: errorType(error) }
}

function defaultOutcome(result: unknown): KnownOutcome {
  if (typeof result !== 'object' || result === null) return { success: true }
  const { success, confidence } = result as { success?: unknown; confidence?: unknown }
  const stated = typeof confidence === 'number' && confidence >= 0 && confidence <= 1
  return { success: typeof success === 'boolean' ? success : true, ...(stated && { confidence }) }
}

/** The fields that `describe` returns. Their values are validated with the attempt. */
function outcomeFields(said: AttemptOutcome, problems: Problems): AttemptOutcome {
  if (said instanceof Promise) {
    said.catch(() => {}) // Else Node reports an unhandled rejection.
    throw new TypeError('describe must not be asynchronous')
  }
  if (typeof said !== 'object' || said === null) throw new TypeError('describe must return an object')
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(said)) {
    const known = FIELD_BY_NAME.get(field)?.known
    if (known !== 'end' && known !== 'any') problems.count('describe', `${field} is no part of an outcome`)
    else if (value !== undefined) fields[field] = value
  }
  return fields
}

/**
 * A short, stable type of an error: its name (`AbortError`, `TimeoutError`), or its code (`ECONNRESET`) or class if the name is just `Error`.
 * Never its message, because messages have unbounded cardinality.
 */
function errorType(error: unknown): string {
  try {
    const { name, code } = error as { name?: unknown; code?: unknown }
    if (isWord(name) && name !== 'Error') return name
    if (isWord(code)) return code
    const className: unknown = (error as object).constructor.name
    return name === 'Error' && isWord(className) ? className : OTHER_ERROR
  } catch {
    return OTHER_ERROR
  }
}

/** The message of an error, if it has one. Never throws. */
export function errorMessage(error: unknown): string | undefined {
  try {
    const { message } = error as { message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.$:/-]{1,128}$/.test(value)
}
