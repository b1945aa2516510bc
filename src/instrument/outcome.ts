/** The outcome of a piece of work. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_BY_NAME, type FieldsWith } from '../core/attempt/fields.ts'
import { errorType } from './error-type.ts'
import type { Problems } from './problems.ts'
import { isThenable } from './run.ts'

/**
 * The return value of `describe`. If success or confidence is absent, the default rule takes it from the result. `model_name` is the model
 * that answered, if it is not the one of the labels.
 */
export type AttemptOutcome = Partial<
  Pick<NewAttempt, Exclude<FieldsWith<{ readonly known: 'end' | 'any' }>, 'success'>> & Pick<NewAttempt, 'model_name'>
> & { readonly success?: boolean }

/** Derives the outcome from the result of the work. The attempt ended before, so that its time does not include an asynchronous one. */
export type Describe<Result> = (result: Awaited<Result>) => AttemptOutcome | PromiseLike<AttemptOutcome>

/** An outcome with a known success. */
export type KnownOutcome = AttemptOutcome & { readonly success: boolean }

/** The `error_type` of work that its caller stopped. A timeout is none of it: it has the name of its error. */
export const ABORTED = 'aborted'
/** The `error_type` of work whose result could not be judged. */
export const DESCRIBE_FAILED = 'describe_failed'

const ABORTS: ReadonlySet<unknown> = new Set(['AbortError', 'CancelledError', 'APIUserAbortError', 'ResponseAborted'])

/**
 * The outcome of completed work. `describe` overrides the default rule. The default rule reads a boolean `success` and a `confidence` from 0
 * to 1 from the result, and the status of an HTTP response. Without them, completed work counts as a success. If the rule or `describe`
 * throws, or `describe` returns no outcome, the work counts as failed. Never throws or rejects.
 */
export function describedOutcome<Result>(
  result: Awaited<Result>,
  describe: Describe<Result> | undefined,
  problems: Problems,
): KnownOutcome | Promise<KnownOutcome> {
  try {
    if (describe === undefined) return defaultOutcome(result)
    const said = describe(result)
    if (!isThenable(said)) return withDefaults(said, result, problems)
    return Promise.resolve(said)
      .then(resolved => withDefaults(resolved, result, problems))
      .catch((error: unknown) => brokenOutcome(error, problems))
  } catch (error) {
    return brokenOutcome(error, problems)
  }
}

function withDefaults(said: unknown, result: unknown, problems: Problems): KnownOutcome {
  const { error_type, ...byDefault } = defaultOutcome(result)
  const outcome = { ...byDefault, ...saidOutcome(said, problems) }
  return outcome.success || error_type === undefined ? outcome : { error_type, ...outcome }
}

function brokenOutcome(cause: unknown, problems: Problems): KnownOutcome {
  problems.count('describe', cause)
  return { success: false, error_type: DESCRIBE_FAILED }
}

/** The outcome of work that threw or rejected. Never throws. */
export function failedOutcome(error: unknown): KnownOutcome {
  const type = errorType(error)
  return { success: false, error_type: ABORTS.has(type) ? ABORTED : type }
}

export const abortedOutcome = (): KnownOutcome => ({ success: false, error_type: ABORTED })

/**
 * The outcome that a caller states, who judged the work. Without an outcome, or with a broken one, it counts as failed. Never throws or
 * rejects.
 */
export function statedOutcome(
  said: AttemptOutcome | PromiseLike<AttemptOutcome>,
  problems: Problems,
): KnownOutcome | Promise<KnownOutcome> {
  try {
    if (!isThenable(said)) return successUnless(said, problems)
    return Promise.resolve(said)
      .then(resolved => successUnless(resolved, problems))
      .catch((error: unknown) => brokenOutcome(error, problems))
  } catch (error) {
    return brokenOutcome(error, problems)
  }
}

function successUnless(said: AttemptOutcome, problems: Problems): KnownOutcome {
  return { success: true, ...saidOutcome(said, problems) }
}

function defaultOutcome(result: unknown): KnownOutcome {
  if (typeof result !== 'object' || result === null) return { success: true }
  if (isErrorResponse(result)) return { success: false, error_type: String(result.status) }
  const { success, confidence } = result as { success?: unknown; confidence?: unknown }
  const stated = typeof confidence === 'number' && confidence >= 0 && confidence <= 1
  return { success: typeof success === 'boolean' ? success : true, ...(stated && { confidence }) }
}

function isErrorResponse(result: object): result is Response {
  return typeof Response === 'function' && result instanceof Response && result.status >= 400
}

/** The fields of an outcome. Their values are validated with the attempt. Throws if there is no outcome in `said`. */
export function saidOutcome(said: unknown, problems: Problems): AttemptOutcome {
  if (typeof said !== 'object' || said === null) throw new TypeError('an outcome must be an object')
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(said)) {
    if (!isOutcomeField(field)) problems.count('describe', `${field} is no part of an outcome`)
    else if (value !== undefined) fields[field] = value
  }
  if (!['boolean', 'undefined'].includes(typeof fields.success)) throw new TypeError('success must be true or false')
  return fields
}

function isOutcomeField(field: string): boolean {
  const known = FIELD_BY_NAME.get(field)?.known
  return known === 'end' || known === 'any' || field === 'model_name'
}
