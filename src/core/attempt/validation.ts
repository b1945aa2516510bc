/** Validates attempts. No function here throws, for any input. */
import type { AttemptProblem, NewAttempt } from './attempt.ts'
import { ATTEMPT_FIELDS, type AttemptField, FIELD_BY_NAME, FIELD_LIST, PAIRED_FIELDS } from './fields.ts'

/** Whether a string is a valid timestamp. The caller passes this function, so that it can keep the parsed instant. */
export type IsTimestamp = (text: string) => boolean

const MAX_NAME_BYTES = ATTEMPT_FIELDS.agent_name.maxBytes

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

/** Why `value` is no valid name of at most `maxBytes`. Undefined if it is valid. */
export function nameProblem(value: unknown, maxBytes: number = MAX_NAME_BYTES): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
  if (value === '') return 'must not be empty'
  if (value.length <= maxBytes && isPrintableAscii(value)) return undefined
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds a lone surrogate'
  if (CONTROL.test(value)) return 'must not hold control characters'
  if (value.length * 3 > maxBytes && utf8Length(value) > maxBytes) return `must be at most ${maxBytes} bytes of UTF-8`
  return undefined
}

/** A fast check that is true for nearly every valid name. Other names need the slower checks. */
function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e) return false
  }
  return true
}

/** Why `value` is no valid value of `field`. Undefined if it is valid. */
function valueProblem(field: AttemptField, value: unknown, isTimestamp: IsTimestamp): string | undefined {
  switch (field.kind) {
    case 'string':
      return nameProblem(value, field.maxBytes)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `must be true or false, not ${kindOf(value)}`
    case 'number':
      return field.nullable && value === null ? undefined : numberProblem(value, field.max)
    case 'integer':
      return numberProblem(value, field.max) ?? integerProblem(value)
    case 'timestamp':
      if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`
      return isTimestamp(value) ? undefined : 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z'
  }
}

function numberProblem(value: unknown, max: number): string | undefined {
  if (typeof value !== 'number') return `must be a number, not ${kindOf(value)}`
  if (!Number.isFinite(value)) return 'must be a finite number'
  return value < 0 || value > max ? `must be from 0 to ${max}, not ${value}` : undefined
}

const integerProblem = (value: unknown): string | undefined =>
  Number.isInteger(value) ? undefined : `must be a whole number, not ${String(value)}`

/** Whether {@link attemptProblems} finds nothing. */
export function isAttempt(value: unknown, isTimestamp: IsTimestamp): value is NewAttempt {
  return attemptProblems(value, isTimestamp).length === 0
}

/** All problems of `value` as an attempt. Empty if it is valid. */
export function attemptProblems(value: unknown, isTimestamp: IsTimestamp): AttemptProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ pointer: '', detail: `must be an object, not ${kindOf(value)}` }]
  }
  if (isFlawless(value, isTimestamp)) return []
  const problems: AttemptProblem[] = []
  for (const field of FIELD_LIST) {
    const stated = Object.hasOwn(value, field.name) ? (value as Record<string, unknown>)[field.name] : undefined
    if (stated === undefined && !field.required) continue
    const detail = stated === undefined ? 'is required' : valueProblem(field, stated, isTimestamp)
    if (detail !== undefined) problems.push({ pointer: `/${field.name}`, detail })
  }
  problems.push(...pairProblems(value), ...pendingProblems(value))
  for (const name of Object.keys(value)) {
    if (!FIELD_BY_NAME.has(name)) problems.push({ pointer: `/${escapePointer(name)}`, detail: 'is not a known field' })
  }
  return problems
}

const REQUIRED = FIELD_LIST.filter(({ required }) => required).length

/** A fast check that is true for every valid attempt of own enumerable fields: it looks only at the fields that are there. */
function isFlawless(value: object, isTimestamp: IsTimestamp): boolean {
  let required = 0
  let isPaired = true
  let canBeDecided = false
  for (const name of Object.keys(value)) {
    const field = FIELD_BY_NAME.get(name)
    if (field === undefined) return false
    const stated = (value as Record<string, unknown>)[name]
    if (stated === undefined) continue
    if (valueProblem(field, stated, isTimestamp) !== undefined) return false
    if (field.required) required++
    else if (name === PAIRED_FIELDS[0] || name === PAIRED_FIELDS[1]) isPaired = !isPaired
    else if (name === 'success' || name === 'attempt_id') canBeDecided = true
  }
  return isPaired && canBeDecided && required === REQUIRED
}

const isStatedIn = (value: object, name: string): boolean =>
  Object.hasOwn(value, name) && (value as Record<string, unknown>)[name] !== undefined

/** The problem of a field that is missing beside the other one of {@link PAIRED_FIELDS}. */
function pairProblems(value: object): AttemptProblem[] {
  const missing = PAIRED_FIELDS.filter(name => !isStatedIn(value, name))
  if (missing.length !== 1) return []
  const other = PAIRED_FIELDS.find(name => name !== missing[0])
  return [{ pointer: `/${missing[0]}`, detail: `is required with ${other}` }]
}

/** An outcome refers to its attempt by the id. Without one, a pending attempt would stay pending permanently. */
function pendingProblems(value: object): AttemptProblem[] {
  if (isStatedIn(value, 'success') || isStatedIn(value, 'attempt_id')) return []
  return [{ pointer: '/attempt_id', detail: 'is required where success is absent: an outcome names it' }]
}

/** One reference token of a JSON pointer (RFC 6901), truncated to keep messages short. */
export function escapePointer(token: string): string {
  const short = token.length > 100 ? `${token.slice(0, 100)}…` : token
  return short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}

/** The kind of a value with its article, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
