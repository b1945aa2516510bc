/** Validates options. A wrong option throws at once. */

/** The longest timer of Node: a longer one fires at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/** The value, where it is a whole number from 1 to `max`; else throws a `TypeError` that quotes it. */
export function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new TypeError(`Expected ${name} to be a whole number from 1 to ${max}, got ${String(value)} (${typeof value})`)
}
