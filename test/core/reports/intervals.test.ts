import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { timeZone } from '../../../src/core/attempt/time-zone.ts'
import type { TimeRange } from '../../../src/core/ports.ts'
import { intervalsBetween, intervalsOf } from '../../../src/core/reports/intervals.ts'
import { NOW_MS } from '../arbitraries.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

function cut(since: string, until: string, requestedMs: number, zone?: string): readonly TimeRange[] {
  const limits = { sinceMs: Date.parse(since), untilMs: Date.parse(until) }
  const options = { nowMs: limits.untilMs, requestedMs, zone: zone === undefined ? undefined : timeZone(zone) }
  return intervalsBetween({ ...limits, limits }, options).ranges
}

const starts = (ranges: readonly TimeRange[]): string[] => ranges.map(({ sinceMs }) => new Date(sinceMs).toISOString())
const hours = (ranges: readonly TimeRange[]): number[] =>
  ranges.map(({ sinceMs, untilMs }) => (untilMs - sinceMs) / HOUR)

describe('intervals', () => {
  test('of weeks begin on Monday, in the zone that was asked for', () => {
    expect(starts(cut('2026-01-01T00:00:00Z', '2026-01-20T00:00:00Z', 7 * DAY))).toEqual([
      '2026-01-01T00:00:00.000Z',
      '2026-01-05T00:00:00.000Z',
      '2026-01-12T00:00:00.000Z',
      '2026-01-19T00:00:00.000Z',
    ])
    expect(starts(cut('2026-03-25T00:00:00Z', '2026-04-10T00:00:00Z', 7 * DAY, 'Europe/Berlin')).slice(1)).toEqual([
      '2026-03-29T22:00:00.000Z',
      '2026-04-05T22:00:00.000Z',
    ])
  })

  test('of days have 23 and 25 hours where clocks are put forward and back', () => {
    const berlin = (since: string, until: string): number[] => hours(cut(since, until, DAY, 'Europe/Berlin'))
    expect(berlin('2026-03-27T23:00:00Z', '2026-03-30T22:00:00Z')).toEqual([24, 23, 24])
    expect(berlin('2026-10-23T22:00:00Z', '2026-10-26T23:00:00Z')).toEqual([24, 25, 24])
    expect(hours(cut('2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z', DAY))).toEqual([24, 24, 24])
  })

  test('begin and end with the range', () => {
    const ranges = cut('2026-01-01T10:30:00Z', '2026-01-03T09:15:00Z', DAY)
    expect(hours(ranges)).toEqual([13.5, 24, 9.25])
  })

  test('of attempts count each of them once, whatever the zone and however old they are', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York')
    const ages = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 200 * 24 * 60 }))
    const edge = fc.option(ages, { nil: undefined })
    const length = fc.constantFrom(60_000, HOUR, 6 * HOUR, DAY, 7 * DAY, 28 * DAY)
    fc.assert(
      fc.property(fc.array(ages, { minLength: 1, maxLength: 40 }), edge, edge, length, zones, (list, a, b, min, tz) => {
        const nowMs = NOW_MS + 1234
        const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
        for (const age of list) {
          const key = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
          const ms = nowMs - age * 60_000
          tally.add({ ...key, success: true, time_seconds: 1, timestamp: '' }, { ms, local: false }, ms)
        }
        const [since = Number.POSITIVE_INFINITY, until = Number.NEGATIVE_INFINITY] = [a, b]
        const asked = { sinceMs: nowMs - since * 60_000 - 30_000, untilMs: nowMs - until * 60_000 }
        if (asked.sinceMs >= asked.untilMs) return
        const held = {
          coverage: (ms: number) => tally.times.coverage(ms, nowMs),
          clip: (range: TimeRange) => tally.times.clip(range, nowMs),
        }
        const range = a === undefined && b === undefined ? undefined : held.clip(asked)
        const options = { nowMs, requestedMs: min, zone: timeZone(tz), held }
        const { ranges } = intervalsOf(range, tally.keys(), options)
        const counted = (one: TimeRange): number =>
          tally.ranged(one, {}, nowMs).reduce((sum, { summary }) => sum + summary[0]!, 0)
        const total = ranges.reduce((sum, one) => sum + counted(one), 0)
        expect(total).toBe(range === undefined ? list.length : counted(range))
        for (const [i, { sinceMs, untilMs }] of ranges.entries()) {
          expect(held.clip({ sinceMs, untilMs })).toEqual({ sinceMs, untilMs })
          if (i > 0) expect(sinceMs).toBe(ranges[i - 1]!.untilMs)
        }
      }),
      { numRuns: 150 },
    )
  })
})
