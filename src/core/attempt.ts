/**
 * The attempt: one try of one agent at one issue, as it is recorded, kept and counted.
 * Field names are those of the documented file, everywhere.
 */

/** An attempt as a caller states it. Bounds are in {@link BOUNDS}; `timestamp` defaults to the time of receipt. */
export interface NewAttempt {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
  readonly success: boolean
  /** The agent's own stated confidence, 0 to 1. Absent or null: the attempt counts in everything but confidence. */
  readonly confidence?: number | null | undefined
  /** How long the attempt took, in seconds, 0 or more. */
  readonly time_seconds: number
  /** RFC 3339: when the attempt ended. A time without a zone is local time. */
  readonly timestamp?: string | undefined
  /** Identity: the same id counts once. */
  readonly attempt_id?: string | undefined
  /** Why it failed, as a short, stable word. */
  readonly error_type?: string | undefined
  /** The A/B test this attempt belongs to, and which configuration ran. */
  readonly experiment?: string | undefined
  readonly variant?: string | undefined
  /** Tokens outside any cache. */
  readonly input_tokens?: number | undefined
  readonly output_tokens?: number | undefined
  /** Tokens read from, and written to, a prompt cache. */
  readonly cache_read_tokens?: number | undefined
  readonly cache_write_tokens?: number | undefined
  /** Cost in US dollars as the caller was charged. */
  readonly cost_usd?: number | undefined
}

/** An attempt as it is kept: its timestamp is settled, and its cost is computed where it was not reported. */
export interface AgentAttempt extends NewAttempt {
  readonly timestamp: string
  /** Cost in US dollars computed from tokens and prices when the attempt came; absent where it was reported or has no price. */
  readonly computed_cost_usd?: number | undefined
}

/** Identity of what is counted: never the printed `agent:model:issue`, which is ambiguous (`llama3:8b`). */
export interface AttemptKey {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
}

/** What an attempt may hold. Lengths are in bytes of UTF-8. */
export const BOUNDS = {
  nameBytes: 256,
  idBytes: 128,
  /** About 31 years: beyond it a number is a mistake of units, and would drown every average. */
  maxTimeSeconds: 1e9,
  maxTokens: 1e12,
  maxCostUsd: 1e9,
} as const

const TOKEN_FIELDS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'] as const

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'agent_name',
  'model_name',
  'issue_type',
  'success',
  'confidence',
  'time_seconds',
  'timestamp',
  'attempt_id',
  'error_type',
  'experiment',
  'variant',
  'cost_usd',
  ...TOKEN_FIELDS,
])

/** What is wrong with one field: `pointer` is an RFC 6901 JSON pointer inside the attempt, `""` for the whole of it. */
export interface AttemptProblem {
  readonly pointer: string
  readonly detail: string
}

/** The join of the three names with a character no name may hold: equal for equal keys only. */
export function keyId(key: AttemptKey): string {
  return `${key.agent_name}\u0000${key.model_name}\u0000${key.issue_type}`
}

/** The documented spelling of a key, for people and the documented file. Two keys may print alike. */
export function printKey(key: AttemptKey): string {
  return `${key.agent_name}:${key.model_name}:${key.issue_type}`
}

/** Bytes of the UTF-8 form of a well-formed string. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** What keeps `value` from being a name of at most `maxBytes`, or undefined. */
export function nameProblem(value: unknown, maxBytes: number = BOUNDS.nameBytes): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
  if (value === '') return 'must not be empty'
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds a lone surrogate'
  if (CONTROL.test(value)) return 'must not hold control characters'
  if (value.length * 3 > maxBytes && utf8Length(value) > maxBytes) return `must be at most ${maxBytes} bytes of UTF-8`
  return undefined
}

function numberProblem(value: unknown, max: number): string | undefined {
  if (typeof value !== 'number') return `must be a number, not ${kindOf(value)}`
  if (!Number.isFinite(value)) return 'must be a finite number'
  if (value < 0 || value > max) return `must be from 0 to ${max}, not ${value}`
  return undefined
}

function tokensProblem(value: unknown): string | undefined {
  const problem = numberProblem(value, BOUNDS.maxTokens)
  if (problem !== undefined) return problem
  return Number.isInteger(value) ? undefined : `must be a whole number, not ${String(value)}`
}

/**
 * Everything that keeps `value` from being an attempt; empty when nothing does. Total: never throws, whatever it is given.
 * The timestamp's own form is checked by `isTimestamp`, passed in so that callers may share one parse.
 */
export function attemptProblems(value: unknown, isTimestamp: (text: string) => boolean): AttemptProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ pointer: '', detail: `must be an object, not ${kindOf(value)}` }]
  }
  const problems: AttemptProblem[] = []
  const attempt = value as Record<string, unknown>
  const check = (field: string, required: boolean, problemOf: (value: unknown) => string | undefined): void => {
    const given = Object.hasOwn(attempt, field) ? attempt[field] : undefined
    if (given === undefined) {
      if (required) problems.push({ pointer: `/${field}`, detail: 'is required' })
      return
    }
    const detail = problemOf(given)
    if (detail !== undefined) problems.push({ pointer: `/${field}`, detail })
  }
  check('agent_name', true, nameProblem)
  check('model_name', true, nameProblem)
  check('issue_type', true, nameProblem)
  check('success', true, v => (typeof v === 'boolean' ? undefined : `must be true or false, not ${kindOf(v)}`))
  check('confidence', false, v => (v === null ? undefined : numberProblem(v, 1)))
  check('time_seconds', true, v => numberProblem(v, BOUNDS.maxTimeSeconds))
  check('timestamp', false, v => {
    if (typeof v !== 'string') return `must be a string, not ${kindOf(v)}`
    return isTimestamp(v) ? undefined : 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z'
  })
  check('attempt_id', false, v => nameProblem(v, BOUNDS.idBytes))
  check('error_type', false, v => nameProblem(v))
  check('experiment', false, v => nameProblem(v))
  check('variant', false, v => nameProblem(v))
  for (const field of TOKEN_FIELDS) check(field, false, tokensProblem)
  check('cost_usd', false, v => numberProblem(v, BOUNDS.maxCostUsd))
  for (const field of Object.keys(attempt)) {
    if (!KNOWN_FIELDS.has(field)) problems.push({ pointer: `/${escapePointer(field)}`, detail: 'is not a known field' })
  }
  return problems
}

/** One reference token of a JSON pointer (RFC 6901), shortened so that an answer stays readable. */
export function escapePointer(token: string): string {
  const short = token.length > 100 ? `${token.slice(0, 100)}…` : token
  return short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
