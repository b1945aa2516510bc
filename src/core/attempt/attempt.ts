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
  if (value.length <= maxBytes && isPrintableAscii(value)) return undefined
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds a lone surrogate'
  if (CONTROL.test(value)) return 'must not hold control characters'
  if (value.length * 3 > maxBytes && utf8Length(value) > maxBytes) return `must be at most ${maxBytes} bytes of UTF-8`
  return undefined
}

/** What nearly every name is; a loop costs less than the checks that the others need. */
function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e) return false
  }
  return true
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

interface Field {
  readonly required: boolean
  /** Why `value` may not stand in it. `isTimestamp` is passed in, so that callers may choose the parser. */
  readonly problemOf: (value: unknown, isTimestamp: (text: string) => boolean) => string | undefined
}

const required = (problemOf: Field['problemOf']): Field => ({ required: true, problemOf })
const optional = (problemOf: Field['problemOf']): Field => ({ required: false, problemOf })

/** Every field an attempt may have. A Map, because `__proto__` and `constructor` are names that come from outside. */
const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['agent_name', required(value => nameProblem(value))],
  ['model_name', required(value => nameProblem(value))],
  ['issue_type', required(value => nameProblem(value))],
  [
    'success',
    required(value => (typeof value === 'boolean' ? undefined : `must be true or false, not ${kindOf(value)}`)),
  ],
  ['confidence', optional(value => (value === null ? undefined : numberProblem(value, 1)))],
  ['time_seconds', required(value => numberProblem(value, BOUNDS.maxTimeSeconds))],
  ['timestamp', optional(timestampProblem)],
  ['attempt_id', optional(value => nameProblem(value, BOUNDS.idBytes))],
  ['error_type', optional(value => nameProblem(value))],
  ['experiment', optional(value => nameProblem(value))],
  ['variant', optional(value => nameProblem(value))],
  ['input_tokens', optional(tokensProblem)],
  ['output_tokens', optional(tokensProblem)],
  ['cache_read_tokens', optional(tokensProblem)],
  ['cache_write_tokens', optional(tokensProblem)],
  ['cost_usd', optional(value => numberProblem(value, BOUNDS.maxCostUsd))],
])
const REQUIRED_FIELDS = [...FIELDS.values()].filter(field => field.required).length

function timestampProblem(value: unknown, isTimestamp: (text: string) => boolean): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
  return isTimestamp(value) ? undefined : 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z'
}

/**
 * Whether {@link attemptProblems} finds nothing, for a fraction of the cost: every attempt pays for it. Never throws. Who knows already that
 * its strings are printable ASCII says so with `isPlain`.
 */
export function isAttempt(
  value: unknown,
  isTimestamp: (text: string) => boolean,
  isPlain = false,
): value is NewAttempt {
  const isName = isPlain ? isShortName : isSoundName
  return isPlainAttempt(value, isTimestamp, isName) || attemptProblems(value, isTimestamp).length === 0
}

/**
 * The same for nearly every attempt there is, a plain object without undefined fields. Its fields are read by their names, at half the
 * cost of looking each of them up in the table; that there are no others shows in their number.
 */
function isPlainAttempt(
  value: unknown,
  isTimestamp: (text: string) => boolean,
  isName: (value: unknown, maxBytes?: number) => boolean,
): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  return areSound(value, isTimestamp, isName) && Object.keys(value).length === REQUIRED_FIELDS + statedOptions(value)
}

/** What stands in the fields of an attempt to be, of any kind. */
export type AttemptFields = { readonly [Name in keyof NewAttempt]?: unknown }

/**
 * As {@link isAttempt}, of what has no fields but those of an attempt: a value that was just put together of them. Where it holds nothing
 * wrong that shows here already, and else it is for {@link attemptProblems} to say so.
 */
export function hasSoundFields(
  it: AttemptFields,
  isTimestamp: (text: string) => boolean,
  isPlain = false,
): it is NewAttempt {
  return areSound(it, isTimestamp, isPlain ? isShortName : isSoundName)
}

function areSound(
  it: AttemptFields,
  isTimestamp: (text: string) => boolean,
  isName: (value: unknown, maxBytes?: number) => boolean,
): boolean {
  return (
    isName(it.agent_name) &&
    isName(it.model_name) &&
    isName(it.issue_type) &&
    typeof it.success === 'boolean' &&
    isAmount(it.time_seconds, BOUNDS.maxTimeSeconds) &&
    (it.confidence === undefined || it.confidence === null || isAmount(it.confidence, 1)) &&
    (it.timestamp === undefined || (typeof it.timestamp === 'string' && isTimestamp(it.timestamp))) &&
    (it.attempt_id === undefined || isName(it.attempt_id, BOUNDS.idBytes)) &&
    (it.error_type === undefined || isName(it.error_type)) &&
    (it.experiment === undefined || isName(it.experiment)) &&
    (it.variant === undefined || isName(it.variant)) &&
    (it.input_tokens === undefined || isCount(it.input_tokens)) &&
    (it.output_tokens === undefined || isCount(it.output_tokens)) &&
    (it.cache_read_tokens === undefined || isCount(it.cache_read_tokens)) &&
    (it.cache_write_tokens === undefined || isCount(it.cache_write_tokens)) &&
    (it.cost_usd === undefined || isAmount(it.cost_usd, BOUNDS.maxCostUsd))
  )
}

const isSoundName = (value: unknown, maxBytes?: number): boolean => nameProblem(value, maxBytes) === undefined
/** The same of what is known to be printable ASCII. */
const isShortName = (value: unknown, maxBytes: number = BOUNDS.nameBytes): boolean =>
  typeof value === 'string' && value !== '' && value.length <= maxBytes
const isAmount = (value: unknown, max: number): boolean => typeof value === 'number' && value >= 0 && value <= max
const isCount = (value: unknown): boolean => Number.isInteger(value) && isAmount(value, BOUNDS.maxTokens)

/** How many fields are stated that need not be. */
function statedOptions(it: AttemptFields): number {
  let stated = 0
  if (it.confidence !== undefined) stated++
  if (it.timestamp !== undefined) stated++
  if (it.attempt_id !== undefined) stated++
  if (it.error_type !== undefined) stated++
  if (it.experiment !== undefined) stated++
  if (it.variant !== undefined) stated++
  if (it.input_tokens !== undefined) stated++
  if (it.output_tokens !== undefined) stated++
  if (it.cache_read_tokens !== undefined) stated++
  if (it.cache_write_tokens !== undefined) stated++
  if (it.cost_usd !== undefined) stated++
  return stated
}

/** Everything that keeps `value` from being an attempt; empty when nothing does. Total: never throws, whatever it is given. */
export function attemptProblems(value: unknown, isTimestamp: (text: string) => boolean): AttemptProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ pointer: '', detail: `must be an object, not ${kindOf(value)}` }]
  }
  const problems: AttemptProblem[] = []
  for (const [name, field] of FIELDS) {
    const stated = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
    if (stated === undefined && !field.required) continue
    const detail = stated === undefined ? 'is required' : field.problemOf(stated, isTimestamp)
    if (detail !== undefined) problems.push({ pointer: `/${name}`, detail })
  }
  for (const name of Object.keys(value)) {
    if (!FIELDS.has(name)) problems.push({ pointer: `/${escapePointer(name)}`, detail: 'is not a known field' })
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
