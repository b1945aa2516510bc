/** From whatever a caller states to an attempt that may be counted and sent. */
import { randomUUID } from 'node:crypto'
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems, escapePointer, isAttempt } from '../core/attempt/validation.ts'

const NAMES = ['agent_name', 'model_name', 'issue_type'] as const

/** What a name counts as where none can be used: better seen under this name than lost. */
const UNKNOWN = 'unknown'

/** An attempt whose time and identity are settled. */
export interface SettledAttempt extends NewAttempt {
  readonly timestamp: string
  readonly attempt_id: string
}

export interface Soundness {
  /** Undefined where nothing can be counted: no object, no success, or no time. */
  readonly attempt: NewAttempt | undefined
  readonly problems: readonly AttemptProblem[]
}

const NO_PROBLEMS: readonly AttemptProblem[] = []

/**
 * What can be used of `stated`: itself, where all of it can; else a copy in which a name that cannot is `unknown`, and any other field
 * that cannot is left out. Its fields are read more than once: whoever does not own it passes a copy.
 */
export function soundAttempt(stated: NewAttempt): Soundness {
  if (isAttempt(stated, isTimestamp)) return { attempt: stated, problems: NO_PROBLEMS }
  const problems = attemptProblems(stated, isTimestamp)
  const usable = withoutProblems(stated, problems)
  if (typeof usable.success !== 'boolean' || usable.time_seconds === undefined) return { attempt: undefined, problems }
  for (const name of NAMES) usable[name] ??= UNKNOWN
  return { attempt: usable as NewAttempt, problems }
}

function isTimestamp(text: string): boolean {
  return parseTimestamp(text) !== undefined
}

type Usable = { -readonly [Field in keyof NewAttempt]?: NewAttempt[Field] | undefined }

function withoutProblems(copy: NewAttempt, problems: readonly AttemptProblem[]): Usable {
  const bad = new Set(problems.map(problem => problem.pointer))
  if (bad.has('')) return {}
  return Object.fromEntries(Object.entries(copy).filter(([field]) => !bad.has(`/${escapePointer(field)}`)))
}

/**
 * The attempt with a timestamp and an id. The timestamp is the present where none is given and has a zone, which a sidecar elsewhere
 * may not share; the id is a new one where none is given.
 */
export function settleAttempt(attempt: NewAttempt): SettledAttempt {
  return { ...attempt, timestamp: settleTime(attempt.timestamp), attempt_id: attempt.attempt_id ?? randomUUID() }
}

function settleTime(timestamp: string | undefined): string {
  const instant = timestamp === undefined ? undefined : parseTimestamp(timestamp)
  if (timestamp === undefined || instant === undefined) return new Date().toISOString()
  return instant.local ? printTimestamp({ ms: instant.ms, local: false }) : timestamp
}
