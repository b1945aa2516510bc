/**
 * The leaves of the schema, checked by hand: a batch holds tens of thousands of them, and parsing each with zod costs five times as
 * much. Total, and nothing is copied; null is absent.
 */
import { z } from 'zod'

/** What is wrong with a value, and where inside of it. */
export interface Fault {
  readonly path: (string | number)[]
  readonly expected: string
  readonly input: unknown
}

/** The first fault of a value, if it has one. */
export type Check = (value: unknown) => Fault | undefined

/** Fields of a message that nobody has checked. */
export type Fields = Readonly<Record<string, unknown>>

/** The schema of what passes a check, and of nothing at all. The caller states the type of that. */
export function leaf<T>(check: Check): z.ZodType<T | null | undefined> {
  return z
    .custom<T>()
    .superRefine((value, context) => {
      const found = check(value)
      if (found === undefined) return
      const message = `Invalid input: expected ${found.expected}, received ${z.core.util.parsedType(found.input)}`
      context.addIssue({ code: 'custom', path: found.path, message })
    })
    .nullish()
}

/** The check of a message, whose fields are checked one after the other with {@link field}. */
export function message(fieldsFault: (fields: Fields) => Fault | undefined): Check {
  return value => (isMessage(value) ? fieldsFault(value) : fault('object', value))
}

/** The fault of one field of a message. */
export function field(name: string, check: Check, value: unknown): Fault | undefined {
  if (isAbsent(value)) return undefined
  const found = check(value)
  found?.path.unshift(name)
  return found
}

/** The check of a list, whose items must all be there. */
export function list(check: Check): Check {
  return value => {
    if (!Array.isArray(value)) return fault('array', value)
    for (let i = 0; i < value.length; i++) {
      const found = check(value[i])
      found?.path.unshift(i)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The check of a scalar. */
export function scalar(expected: string, is: (value: unknown) => boolean): Check {
  return value => (is(value) ? undefined : fault(expected, value))
}

/** Any text. */
export const text: Check = scalar('string', value => typeof value === 'string')
/** Bytes in hex. */
export const hex: Check = scalar('hex digits', value => typeof value === 'string' && /^(?:[0-9a-fA-F]{2})*$/.test(value))
/** A 64-bit integer, as digits or a number. */
export const int64: Check = scalar('a 64-bit integer', value =>
  typeof value === 'string' ? /^-?\d{1,20}$/.test(value) : Number.isInteger(value),
)
/** Counts, and nanoseconds since the epoch: the same without a sign. */
export const uint64: Check = scalar('a 64-bit integer of 0 or more', value =>
  typeof value === 'string' ? /^\d{1,20}$/.test(value) : isWhole(value),
)
/** A number, or the text of one that JSON cannot spell. */
export const double: Check = scalar('number', value => typeof value === 'string' || isNumber(value))

const bool = scalar('boolean', value => typeof value === 'boolean')

/** A value of any kind. What is no scalar is not looked into. */
export const anyValue: Check = message(
  it =>
    field('stringValue', text, it.stringValue) ??
    field('boolValue', bool, it.boolValue) ??
    field('intValue', int64, it.intValue) ??
    field('doubleValue', double, it.doubleValue),
)

/** A list of attributes. */
export const attributes: Check = list(
  message(it => field('key', text, it.key) ?? field('value', anyValue, it.value)),
)

const fault = (expected: string, input: unknown): Fault => ({ path: [], expected, input })

function isMessage(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null
const isWhole = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 1e20
const isNumber = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value)
