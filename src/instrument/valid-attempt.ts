/** Validates the attempt of a caller, and completes it for delivery. */
import type { AttemptKey, AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { PAIRED_FIELDS } from '../core/attempt/fields.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems, escapePointer } from '../core/attempt/validation.ts'

const NAMES = ['agent_name', 'model_name', 'issue_type'] as const satisfies readonly (keyof AttemptKey)[]

/** Replaces an invalid name: an attempt under this name is better than a lost attempt. */
const UNKNOWN = 'unknown'

/** An attempt with a timestamp and an id. */
export interface CompleteAttempt extends NewAttempt {
  readonly timestamp: string
  readonly attempt_id: string
}

/** The valid part of an attempt, and the problems of the rest. */
export interface UsableAttempt {
  /** Undefined if it has no valid success or time, is pending without a valid id, or is not an object. */
  readonly attempt: NewAttempt | undefined
  readonly problems: readonly AttemptProblem[]
}

/**
 * The valid part of `stated`. Returns `stated` itself if it is valid. Otherwise returns a copy, in which an invalid name is `unknown` and
 * other invalid fields are omitted. An invalid name is that of `instead`, if given. Reads fields more than once, so pass a copy if a getter may
 * change its value.
 */
export function usableAttempt(stated: NewAttempt, instead?: AttemptKey): UsableAttempt {
  const problems = attemptProblems(stated, isTimestamp)
  if (problems.length === 0) return { attempt: stated, problems }
  const usable = withoutProblems(stated, problems)
  const isUnclear = problems.some(({ pointer }) => pointer === '' || pointer === '/success')
  // A pending attempt gets no new id here: the caller would not know it, so that no outcome could decide it.
  const isUndecidable = usable.success === undefined && usable.attempt_id === undefined
  if (isUnclear || isUndecidable || usable.time_seconds === undefined) return { attempt: undefined, problems }
  for (const name of NAMES) usable[name] ??= instead?.[name] ?? UNKNOWN
  return { attempt: usable as NewAttempt, problems }
}

function isTimestamp(text: string): boolean {
  return parseTimestamp(text) !== undefined
}

type Usable = { -readonly [Field in keyof NewAttempt]?: NewAttempt[Field] | undefined }

function withoutProblems(copy: NewAttempt, problems: readonly AttemptProblem[]): Usable {
  const invalid = new Set(problems.map(problem => problem.pointer))
  if (invalid.has('')) return {}
  // A sidecar refuses an attempt with only one of them.
  if (PAIRED_FIELDS.some(name => invalid.has(`/${name}`))) for (const name of PAIRED_FIELDS) invalid.add(`/${name}`)
  return Object.fromEntries(Object.entries(copy).filter(([field]) => !invalid.has(`/${escapePointer(field)}`)))
}

/**
 * Adds the current time as timestamp, and a new id, if they are absent. Adds the zone to a timestamp without one, because the sidecar may be
 * in another time zone.
 */
export function applyDefaults(attempt: NewAttempt): CompleteAttempt {
  return {
    ...attempt,
    timestamp: completeTimestamp(attempt.timestamp),
    attempt_id: attempt.attempt_id ?? crypto.randomUUID(),
  }
}

/** The timestamp with its zone. Without one, the current time. */
export function completeTimestamp(timestamp: string | undefined): string {
  const instant = timestamp === undefined ? undefined : parseTimestamp(timestamp)
  if (timestamp === undefined || instant === undefined) return new Date().toISOString()
  return instant.local ? printTimestamp({ ms: instant.ms, local: false }) : timestamp
}
