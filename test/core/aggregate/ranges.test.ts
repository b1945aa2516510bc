import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addAttempt, createSummary, totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally, type Tally, total } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS, type TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import type { DecidedAttempt } from '../../../src/core/attempt/attempt.ts'
import type { TimeRange } from '../../../src/core/ports.ts'
import { attempts, NOW_MS } from '../arbitraries.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const ONE: DecidedAttempt = {
  agent_name: 'a',
  model_name: 'm',
  issue_type: 'i',
  success: true,
  time_seconds: 1,
  timestamp: '2026-01-31T12:00:00Z',
}

function tallyAt(times: readonly number[], tiers: readonly TierOptions[] = DEFAULT_TIERS, nowMs = NOW_MS): Tally {
  const tally = createTally({ maxKeys: 10, maxArms: 10, tiers })
  for (const ms of times) tally.add(ONE, { ms, local: false }, Math.min(ms, nowMs))
  return tally
}

const countedIn = (tally: Tally, range: TimeRange, nowMs = NOW_MS): number =>
  totalAttempts(total(tally.ranged(range, {}, nowMs)))

const floorTo = (ms: number, span: number): number => Math.floor(ms / span) * span
const ceilTo = (ms: number, span: number): number => Math.ceil(ms / span) * span

describe('each edge of a range is clipped to the finest bucket that is held at that edge', () => {
  // 12:34:56 of a day, so that no edge is on a boundary by chance.
  const now = NOW_MS + 34 * MINUTE + 56_000
  const tally = tallyAt([now])

  test.each([
    ['2 hours ago to now', 2 * HOUR, 0, MINUTE, MINUTE],
    ['24 hours ago to 23 hours ago', DAY, 23 * HOUR, MINUTE, MINUTE],
    ['24 hours ago to a minute later', DAY, DAY - MINUTE, MINUTE, MINUTE],
    ['25 hours ago to 2 hours ago', 25 * HOUR, 2 * HOUR, MINUTE, MINUTE],
    ['27 hours ago to 2 hours ago', 27 * HOUR, 2 * HOUR, HOUR, MINUTE],
    ['40 days ago to 2 hours ago', 40 * DAY, 2 * HOUR, HOUR, MINUTE],
    ['40 days ago to 3 days ago', 40 * DAY, 3 * DAY, HOUR, HOUR],
    ['100 days ago to 40 days ago', 100 * DAY, 40 * DAY, DAY, HOUR],
    ['100 days ago to 2 hours ago', 100 * DAY, 2 * HOUR, DAY, MINUTE],
    ['300 days ago to 100 days ago', 300 * DAY, 100 * DAY, DAY, DAY],
  ])('%s', (_, since, until, sinceSpan, untilSpan) => {
    const range = { sinceMs: now - since, untilMs: now - until }
    const expected = { sinceMs: floorTo(range.sinceMs, sinceSpan), untilMs: ceilTo(range.untilMs, untilSpan) }
    expect(tally.times.clip(range, now)).toEqual(expected)
    expect(tally.times.clip(expected, now)).toEqual(expected)
  })

  test('a range without a start is not widened at its end', () => {
    const [early, late] = [now - 2 * HOUR, now - HOUR]
    const split = tallyAt([...Array(10).fill(early), ...Array(10).fill(late)])
    const range = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: now - 90 * MINUTE }
    expect(countedIn(split, range, now)).toBe(10)
    expect(split.times.clip(range, now)).toEqual({ ...range, untilMs: ceilTo(range.untilMs, MINUTE) })
  })

  test('an edge follows the buckets that are left, where there were too many to keep', () => {
    const [minutes, ...coarser] = DEFAULT_TIERS
    const full = tallyAt(
      Array.from({ length: 600 }, (_, i) => now - (600 - i) * MINUTE),
      [{ ...minutes!, maxBuckets: 100 }, ...coarser],
      now,
    )
    expect(full.times.clip({ sinceMs: now - 90 * MINUTE, untilMs: now }, now)).toMatchObject({
      sinceMs: floorTo(now - 90 * MINUTE, MINUTE),
    })
    expect(full.times.clip({ sinceMs: now - 5 * HOUR, untilMs: now - 10 * MINUTE }, now)).toEqual({
      sinceMs: floorTo(now - 5 * HOUR, HOUR),
      untilMs: ceilTo(now - 10 * MINUTE, MINUTE),
    })
  })
})

const TIERS: readonly (readonly TierOptions[])[] = [
  DEFAULT_TIERS,
  [{ ...DEFAULT_TIERS[0]!, maxBuckets: 8 }, { ...DEFAULT_TIERS[1]!, maxBuckets: 20 }, DEFAULT_TIERS[2]!],
  [
    { spanMs: 7 * MINUTE, keepMs: 10 * HOUR },
    { spanMs: 6 * HOUR, keepMs: Number.POSITIVE_INFINITY },
  ],
]

describe('a range holds', () => {
  const ages = fc.oneof(fc.integer({ min: 0, max: 180 }), fc.integer({ min: 0, max: 100 * 24 * 60 }))
  const windows = fc.tuple(ages, ages).map(([a, b]) => ({
    sinceMs: NOW_MS - (Math.max(a, b) + 1) * MINUTE,
    untilMs: NOW_MS - Math.min(a, b) * MINUTE,
  }))
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(attempts, ages, fc.boolean()).map(([attempt, age, late]) => ({ attempt, age, late })),
    },
    { weight: 1, arbitrary: windows.map(asked => ({ asked })) },
  )

  test('exactly the attempts between its clipped edges, whatever else was asked or came late meanwhile', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TIERS), fc.array(step, { maxLength: 60 }), windows, (tiers, steps, wanted) => {
        const tally = createTally({ maxKeys: 3, maxArms: 0, tiers })
        const seen: { attempt: DecidedAttempt; ms: number }[] = []
        for (const one of steps) {
          if ('asked' in one) {
            for (const { summary } of tally.ranged(one.asked, {}, NOW_MS)) totalAttempts(summary)
            continue
          }
          const ms = NOW_MS - one.age * MINUTE
          seen.push({ attempt: one.attempt, ms })
          tally.add(one.attempt, { ms, local: false }, one.late ? NOW_MS : ms)
        }
        const { sinceMs, untilMs } = tally.times.clip(wanted, NOW_MS)
        expect(sinceMs).toBeLessThanOrEqual(wanted.sinceMs)
        expect(untilMs).toBeGreaterThanOrEqual(wanted.untilMs)
        const expected = createSummary()
        for (const { attempt, ms } of seen) if (ms >= sinceMs && ms < untilMs) addAttempt(expected, attempt, ms)
        expect([...total(tally.ranged(wanted, {}, NOW_MS))]).toEqual([...expected])
      }),
      { numRuns: 500 },
    )
  })

  test('together with the range after it, every attempt of both once', () => {
    fc.assert(
      fc.property(fc.array(ages, { maxLength: 60 }), windows, (list, wanted) => {
        const tally = tallyAt(list.map(age => NOW_MS - age * MINUTE))
        const { sinceMs, untilMs } = tally.times.clip(wanted, NOW_MS)
        const after = { sinceMs: untilMs, untilMs: Number.POSITIVE_INFINITY }
        const within = countedIn(tally, { sinceMs, untilMs })
        expect(within).toBe(
          list.filter(age => NOW_MS - age * MINUTE >= sinceMs && NOW_MS - age * MINUTE < untilMs).length,
        )
        expect(tally.times.clip(after, NOW_MS).sinceMs).toBe(untilMs)
        expect(within + countedIn(tally, after)).toBe(list.filter(age => NOW_MS - age * MINUTE >= sinceMs).length)
      }),
      { numRuns: 200 },
    )
  })
})
