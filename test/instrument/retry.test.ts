import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, retryAfterMs } from '../../src/instrument/retry.ts'

describe('the backoff', () => {
  it('is anything from 0 up to a ceiling that doubles from half a second to half a minute', () => {
    const ceilings = Array.from({ length: 9 }, (_, index) => backoffMs(index + 1, 1))
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const ms = backoffMs(failures, random)
          expect(ms).toBeGreaterThanOrEqual(0)
          expect(ms).toBeLessThanOrEqual(30_000)
        },
      ),
    )
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')
  it.each([
    ['0', 0],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['Sat, 31 Jan 2026 12:00:30 GMT', 30_000],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
    ['999999999999999999999', 300_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 300_000],
    [undefined, undefined],
    ['', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['soon GMT', undefined],
    ['2026-01-31', undefined],
  ])('of %s asks for %s ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected)
  })
})
