/** The scalar values of attributes. */
import type { AnyValue, Int64, KeyValue, Maybe } from './schema.ts'

/** The value of the first attribute with a name, as {@link scalarOf} returns it. */
export function attributeOf(attributes: Maybe<KeyValue[]>, key: string): unknown {
  return scalarOf(attributes?.find(attribute => attribute.key === key)?.value)
}

/** A scalar, or the scalars of a list. Undefined if there is none, and an empty object for maps and bytes. */
export function scalarOf(value: Maybe<AnyValue>): unknown {
  if (value === null || value === undefined) return undefined
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (intValue !== null && intValue !== undefined) return integerOf(intValue)
  if (doubleValue !== null && doubleValue !== undefined) return Number(doubleValue)
  return stringValue ?? boolValue ?? listOf(arrayValue) ?? ((kvlistValue ?? bytesValue) ? NO_SCALAR : undefined)
}

/** Replaces maps and bytes: no field takes one, and their nesting has no limit. */
const NO_SCALAR: object = Object.freeze({})
/** Values of a list that a condition can match. */
const MAX_VALUES = 64

/** The scalars of a list. Lists are not validated, so that one of an unknown shape does not refuse its request. */
function listOf(list: unknown): readonly unknown[] | object | undefined {
  if (!list) return undefined
  const { values } = list as { readonly values?: unknown }
  if (!Array.isArray(values)) return NO_SCALAR
  return values.slice(0, MAX_VALUES).flatMap(value => {
    const { stringValue, boolValue, intValue } = (value ?? {}) as Readonly<Record<string, unknown>>
    const scalar = stringValue ?? boolValue ?? intValue
    return typeof scalar === 'object' || scalar === undefined ? [] : [scalar]
  })
}

/** A number where a number can hold it, else its digits. */
function integerOf(value: Int64): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
