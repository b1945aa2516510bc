/** Validates options. Throws at once on an invalid option. */

/** The longest timer of Node. A longer one fires at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/** The value, if it is a whole number from 1 to `max`. Otherwise throws a `TypeError` that quotes it. */
export function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new TypeError(`Expected ${name} to be a whole number from 1 to ${max}, got ${String(value)} (${typeof value})`)
}
