import { expect } from 'vitest'

/** Asserts that no number anywhere in `value` is NaN or infinite. JSON would turn them into null. */
export function expectFinite(value: unknown, path = 'result'): void {
  if (typeof value === 'number') expect(Number.isFinite(value), `${path} is ${value}`).toBe(true)
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) expectFinite(item, `${path}[${i}]`)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) expectFinite(item, `${path}.${key}`)
  }
}

/** Asserts that an interval of a rate in percent contains the rate, and is inside 0 to 100. */
export function expectInside(rate: number, { low, high }: { readonly low: number; readonly high: number }): void {
  expect(low, 'low').toBeGreaterThanOrEqual(0)
  expect(low, 'low').toBeLessThanOrEqual(rate)
  expect(high, 'high').toBeGreaterThanOrEqual(rate)
  expect(high, 'high').toBeLessThanOrEqual(100)
}
