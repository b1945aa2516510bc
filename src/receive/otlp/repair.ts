/**
 * Makes an attempt of a record whose fields are not all usable. One field that is not needed must not lose an attempt: losing a failed one
 * would make its success rate too good. Only the agent and the outcome cannot be replaced. A name is never cut: two names could be one.
 */
import { hash } from 'node:crypto'
import { FIELD_LIST, type ListedField, PAIRED_FIELDS } from '../../core/attempt/fields.ts'
import { parseTimestamp } from '../../core/attempt/timestamp.ts'
import { nameProblem, utf8Length } from '../../core/attempt/validation.ts'
import type { StatedAttempt } from '../read-attempt.ts'

/** `dropped`: left out; `cut`: shortened (an id: replaced by its digest); `clamped`: moved into its range; `defaulted`: `unknown`, or 0 seconds. */
export const REPAIRS = ['dropped', 'cut', 'clamped', 'defaulted'] as const

/** What was done to a field. */
export type Repair = (typeof REPAIRS)[number]

/** A statement whose fields are valid or absent, and what was done to how many fields. */
export interface Repaired {
  readonly stated: StatedAttempt
  readonly repairs: readonly Repair[]
}

/** Fields without which no attempt can be told, and what stands for the others. */
const DEFAULTS: ReadonlyMap<string, string | number> = new Map<string, string | number>([
  ['model_name', 'unknown'],
  ['issue_type', 'unknown'],
  ['time_seconds', 0],
])

/** Repairs a statement. Total. The agent and the outcome may still be missing. */
export function repairStatement(stated: StatedAttempt): Repaired {
  const repaired: Record<string, unknown> = {}
  const repairs: Repair[] = []
  for (const field of FIELD_LIST) {
    const value = stated[field.name]
    const before = repairs.length
    const kept = value === undefined || value === '' ? undefined : repairValue(field, value, repairs)
    const final = kept ?? (kept === null ? null : DEFAULTS.get(field.name))
    if (final !== undefined) repaired[field.name] = final
    if (kept !== undefined || final === undefined) continue
    repairs.length = before
    repairs.push('defaulted')
  }
  dropUnpaired(repaired, repairs)
  return { stated: repaired, repairs }
}

/** An experiment without a variant compares nothing. */
function dropUnpaired(repaired: Record<string, unknown>, repairs: Repair[]): void {
  const stated = PAIRED_FIELDS.filter(name => repaired[name] !== undefined)
  if (stated.length !== 1) return
  delete repaired[stated[0]!]
  repairs.push('dropped')
}

function repairValue(field: ListedField, value: unknown, repairs: Repair[]): unknown {
  switch (field.kind) {
    case 'string':
      return repairText(field.name, value, field.maxBytes, repairs)
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'timestamp':
      return typeof value === 'string' && parseTimestamp(value) ? value : drop(repairs)
    case 'number':
      if (field.nullable && value === null) return null
      return repairNumber(field, value, repairs)
    case 'integer': {
      const number = repairNumber(field, value, repairs)
      if (number === undefined || Number.isInteger(number)) return number
      repairs.push('clamped')
      return Math.round(number)
    }
  }
}

function drop(repairs: Repair[]): undefined {
  repairs.push('dropped')
}

/** A duration below 0 is one of about 0: the clocks of a start and an end differ a little. Any other number out of range is an error. */
function repairNumber(
  { name, max }: { name: string; max: number },
  value: unknown,
  repairs: Repair[],
): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return drop(repairs)
  if (value >= 0 && value <= max) return value
  if (name !== 'time_seconds' || value > max) return drop(repairs)
  repairs.push('clamped')
  return 0
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g
const LINE_END = /[\r\n]/

/** The fields whose beginning is worth something. */
const CUT: ReadonlySet<string> = new Set(['error_type', 'session_id', 'trace_id'])

/** The first line of a text, up to the limit. */
function repairText(name: string, value: unknown, maxBytes: number, repairs: Repair[]): string | undefined {
  if (typeof value !== 'string') return drop(repairs)
  if (nameProblem(value, maxBytes) === undefined) return value
  const text =
    name === 'attempt_id' ? hash('sha256', value, 'base64url') : CUT.has(name) ? firstLine(value, maxBytes) : ''
  if (text === '') return drop(repairs)
  repairs.push('cut')
  return text
}

function firstLine(value: string, maxBytes: number): string {
  const first = value.toWellFormed().trim().split(LINE_END, 1)[0]!
  return cut(first.replace(CONTROLS, ' '), maxBytes)
}

/** The longest beginning of at most `maxBytes` of UTF-8 that splits no character. */
function cut(text: string, maxBytes: number): string {
  if (utf8Length(text) <= maxBytes) return text
  // A continuation byte at the limit belongs to a character that does not fit.
  const bytes = Buffer.from(text)
  let end = maxBytes
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
