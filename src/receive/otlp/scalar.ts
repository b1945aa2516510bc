/** The scalar values of attributes. */
import type { AnyValue, Int64, KeyValue, Maybe } from './schema.ts'

/** The value of the first attribute with a name, as {@link scalarOf} returns it. */
export function attributeOf(attributes: Maybe<KeyValue[]>, key: string): unknown {
  return scalarOf(attributes?.find(attribute => attribute.key === key)?.value)
}

/** A scalar. Undefined if there is none, and an empty object for lists, maps and bytes. */
export function scalarOf(value: Maybe<AnyValue>): unknown {
  if (value === null || value === undefined) return undefined
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (intValue !== null && intValue !== undefined) return integerOf(intValue)
  if (doubleValue !== null && doubleValue !== undefined) return Number(doubleValue)
  return stringValue ?? boolValue ?? ((arrayValue ?? kvlistValue ?? bytesValue) ? NO_SCALAR : undefined)
}

/** Replaces lists, maps and bytes: no field takes one, and their nesting has no limit. */
const NO_SCALAR: object = Object.freeze({})

/** A number where a number can hold it, else its digits. */
function integerOf(value: Int64): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
