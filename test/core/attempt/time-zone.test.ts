import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { timeZone, UTC } from '../../../src/core/attempt/time-zone.ts'

const DAY_MS = 86_400_000
const dayOf = (date: string): number => Date.parse(date) / DAY_MS

describe('a day of a zone', () => {
  test.each([
    ['UTC', '2026-03-29', '2026-03-29T00:00:00Z'],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00Z'],
    ['Europe/Berlin', '2026-03-30', '2026-03-29T22:00:00Z'],
    ['europe/berlin', '2026-10-26', '2026-10-25T23:00:00Z'],
    ['Asia/Kolkata', '2026-01-01', '2025-12-31T18:30:00Z'],
    // Clocks were put forward at midnight, so that the day began at one.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00Z'],
    // Clocks were put back at one, so that midnight came twice.
    ['America/Havana', '2025-11-02', '2025-11-02T04:00:00Z'],
    // The day was left out.
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00Z'],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00Z'],
  ])('of %s: %s begins at %s', (name, date, start) => {
    expect(new Date(timeZone(name)!.startOf(dayOf(date)))).toEqual(new Date(start))
  })

  test('begins where the day before ends, in every zone and year', () => {
    const zones = fc.constantFrom('UTC', 'Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu')
    fc.assert(
      fc.property(zones, fc.integer({ min: dayOf('1975-01-01'), max: dayOf('2035-01-01') }), (name, day) => {
        const zone = timeZone(name)!
        const startMs = zone.startOf(day)
        expect([zone.dayOf(startMs), zone.dayOf(startMs - 1)]).toEqual([day, day - 1])
      }),
      { numRuns: 500 },
    )
  })

  test('has the same number in UTC as by division', () => {
    expect([UTC.dayOf(-1), UTC.dayOf(0), UTC.dayOf(DAY_MS - 1), UTC.startOf(3)]).toEqual([-1, 0, 0, 3 * DAY_MS])
  })
})

test.each(['Nowhere/Land', '', '+01:00', '01:00', 'Europe/Berlin '])('%j is no zone', name => {
  expect(timeZone(name)).toBeUndefined()
})
