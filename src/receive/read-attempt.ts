/** A parsed value -> an attempt, or what is wrong with it. */
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_LIST, type ListedField, PAIRED_FIELDS } from '../core/attempt/fields.ts'
import { type Instant, parseTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems, type IsTimestamp, nameProblem } from '../core/attempt/validation.ts'
import { compile } from './compile.ts'

/** An attempt that is as documented, and its parsed timestamp; undefined where it states none. */
export interface ValidAttempt {
  readonly attempt: NewAttempt
  readonly at: Instant | undefined
  readonly problems?: undefined
}

/** Everything that keeps a value from being an attempt. */
export interface InvalidAttempt {
  readonly attempt?: undefined
  readonly problems: readonly AttemptProblem[]
}

/** Validates a value. Total. `isAscii` states that no string in it holds anything but printable ASCII, which saves a look at each. */
export function readAttempt(value: unknown, isAscii = false): ValidAttempt | InvalidAttempt {
  lastInstant = undefined
  if (isPlainObject(value) && countValid(value, isAscii) === Object.keys(value).length) return validated(value)
  const problems = attemptProblems(value, isTimestamp)
  return problems.length > 0 ? { problems } : validated(value as StatedAttempt)
}

/** What a record states of an attempt, before it is validated. */
export type StatedAttempt = { readonly [Name in keyof NewAttempt]?: unknown }

/** The same of a value that has no other fields than those of an attempt, which saves a look at their names. */
export function readStated(stated: StatedAttempt): ValidAttempt | InvalidAttempt {
  lastInstant = undefined
  return countValid(stated, false) > 0 ? validated(stated) : readAttempt(stated)
}

const isPlainObject = (value: unknown): value is StatedAttempt =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

const validated = (value: StatedAttempt): ValidAttempt => ({ attempt: value as NewAttempt, at: lastInstant })

/** How many fields are stated, where all values are valid and none that is required is missing; else -1. */
const countValid = (value: StatedAttempt, isAscii: boolean): number =>
  countValidFields(value, isAscii ? isNameOfAscii : isName, isTimestamp)

type IsName = (value: unknown, maxBytes: number) => boolean

/** A pending attempt without an id. */
const REFUSE_UNDECIDABLE = 'if (it.success === undefined && it.attempt_id === undefined) return -1'

const countValidFields = compile<(it: StatedAttempt, isName: IsName, isTimestamp: IsTimestamp) => number>(
  ['it', 'isName', 'isTimestamp'],
  [
    'let count = 0',
    ...FIELD_LIST.map(countField),
    refuseUnpaired(...PAIRED_FIELDS),
    REFUSE_UNDECIDABLE,
    'return count',
  ],
)

function countField(field: ListedField): string {
  const count = `if (${testOf(field)}) count++; else return -1`
  return field.required ? count : `if (it.${field.name} !== undefined) { ${count} }`
}

function refuseUnpaired(first: string, second: string): string {
  return `if ((it.${first} === undefined) !== (it.${second} === undefined)) return -1`
}

function testOf(field: ListedField): string {
  const value = `it.${field.name}`
  switch (field.kind) {
    case 'string':
      return `isName(${value}, ${field.maxBytes})`
    case 'boolean':
      return `typeof ${value} === 'boolean'`
    case 'number':
      return `${field.nullable ? `${value} === null || ` : ''}${isAmount(value, field.max)}`
    case 'integer':
      return `${isAmount(value, field.max)} && Number.isInteger(${value})`
    case 'timestamp':
      return `typeof ${value} === 'string' && isTimestamp(${value})`
  }
}

function isAmount(value: string, max: number): string {
  return `typeof ${value} === 'number' && ${value} >= 0 && ${value} <= ${max}`
}

const isName: IsName = (value, maxBytes) => nameProblem(value, maxBytes) === undefined
const isNameOfAscii: IsName = (value, maxBytes) => typeof value === 'string' && value !== '' && value.length <= maxBytes

/** The timestamp that was parsed last: validation parses it, and later steps reuse it. */
let lastInstant: Instant | undefined

function isTimestamp(text: string): boolean {
  lastInstant = parseTimestamp(text)
  return lastInstant !== undefined
}
