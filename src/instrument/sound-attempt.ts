/** From whatever a caller states to an attempt that may be counted and sent. */
import { randomUUID } from 'node:crypto'
import { type AttemptProblem, attemptProblems, escapePointer, type NewAttempt } from '../core/attempt.ts'
import { parseTimestamp, printTimestamp } from '../core/timestamp.ts'

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
  readonly attempt: SettledAttempt | undefined
  readonly problems: readonly AttemptProblem[]
}

/**
 * A copy of what can be used of `stated`: a name that cannot is `unknown`, any other field that cannot is left out. The timestamp
 * is the present where none is given and has a zone, which a sidecar elsewhere may not share; the id is a new one where none is
 * given. Throws only where reading `stated` does.
 */
export function soundAttempt(stated: NewAttempt): Soundness {
  // Read once: a second look at a getter may see something else.
  const copy: NewAttempt = typeof stated === 'object' && stated !== null ? { ...stated } : stated
  const problems = attemptProblems(copy, text => parseTimestamp(text) !== undefined)
  if (problems.length === 0) return { attempt: settle(copy), problems }
  const usable = withoutProblems(copy, problems)
  if (typeof usable.success !== 'boolean' || usable.time_seconds === undefined) return { attempt: undefined, problems }
  for (const name of NAMES) usable[name] ??= UNKNOWN
  return { attempt: settle(usable as NewAttempt), problems }
}

type Usable = { -readonly [Field in keyof NewAttempt]?: NewAttempt[Field] | undefined }

function withoutProblems(copy: NewAttempt, problems: readonly AttemptProblem[]): Usable {
  const bad = new Set(problems.map(problem => problem.pointer))
  if (bad.has('')) return {}
  return Object.fromEntries(Object.entries(copy).filter(([field]) => !bad.has(`/${escapePointer(field)}`)))
}

function settle(attempt: NewAttempt): SettledAttempt {
  return { ...attempt, timestamp: settleTime(attempt.timestamp), attempt_id: attempt.attempt_id ?? randomUUID() }
}

function settleTime(timestamp: string | undefined): string {
  const instant = timestamp === undefined ? undefined : parseTimestamp(timestamp)
  if (timestamp === undefined || instant === undefined) return new Date().toISOString()
  return instant.local ? printTimestamp({ ms: instant.ms, local: false }) : timestamp
}
