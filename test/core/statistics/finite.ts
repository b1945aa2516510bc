import { expect } from 'vitest'

/** Asserts that no number anywhere in `value` is NaN or infinite, so that it survives JSON. */
export function expectFinite(value: unknown, path = 'result'): void {
  if (typeof value === 'number') expect(Number.isFinite(value), `${path} is ${value}`).toBe(true)
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) expectFinite(item, `${path}[${i}]`)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) expectFinite(item, `${path}.${key}`)
  }
}
