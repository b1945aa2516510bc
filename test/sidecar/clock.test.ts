/** With clocks that step, wrong timestamps and attempts in any order, no attempt is lost or counted twice. */
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker, type NewAttempt } from '../../src/tracker.ts'
import { anAttempt } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const NOW = Date.parse('2026-03-29T12:00:00Z')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Daylight saving time changes, at which a day is not 24 hours long. */
const STEPS: readonly (readonly [string, number])[] = [
  ['an hour back', NOW - HOUR_MS],
  ['an hour forth', NOW + HOUR_MS],
  ['a day forth', NOW + DAY_MS],
  ['to 1970', 0],
  ['to 2100', Date.parse('2100-01-01T00:00:00Z')],
]

const attempts = (from: number, count: number, more: Partial<NewAttempt> = {}): NewAttempt[] =>
  Array.from(
    { length: count },
    (_, i) => anAttempt({ attempt_id: `id-${from + i}`, confidence: 0.5, ...more }) as unknown as NewAttempt,
  )

/** A tracker on its own file, with a clock that can be set. */
async function aTracker() {
  const folder = await temporaryFolder()
  const clock = { nowMs: NOW }
  const open = async (): Promise<AgentPerformanceTracker> => {
    const now = (): number => clock.nowMs
    // Without it, attempts of another time would be too old to be listed.
    const retention = { maxAgeMs: Number.MAX_SAFE_INTEGER, maxBytes: 2 ** 30 }
    const store = await openStore(join(folder.path, 'agent_performance.json'), { clock: now, retention })
    return new AgentPerformanceTracker({ store, clock: now })
  }
  const place = { clock, tracker: await open() }
  return Object.assign(place, {
    async reopen() {
      await place.tracker.close()
      place.tracker = await open()
    },
    total: async () => (await place.tracker.generatePerformanceReport()).summary.total_attempts,
    async [Symbol.asyncDispose]() {
      await place.tracker.close()
      await folder[Symbol.asyncDispose]()
    },
  })
}

async function listed(tracker: AgentPerformanceTracker): Promise<string[]> {
  const { attempts } = await tracker.attempts({ limit: 1000 })
  return attempts.map(one => one.attempt_id ?? '').sort()
}

describe.each(STEPS)('a clock that steps %s', (_name, thenMs) => {
  test('loses no attempt and makes no number negative, with and without a restart, and after it steps back', async () => {
    await using place = await aTracker()
    expect(await place.tracker.recordAttempts(attempts(0, 10))).toMatchObject({ accepted: 10, duplicates: 0 })
    place.clock.nowMs = thenMs
    expect(await place.tracker.recordAttempts(attempts(10, 10))).toMatchObject({ accepted: 10, duplicates: 0 })
    expect(await place.total()).toBe(20)
    await place.reopen()
    expect(await place.tracker.recordAttempts(attempts(20, 10))).toMatchObject({ accepted: 10, duplicates: 0 })
    place.clock.nowMs = NOW + 1000
    expect(await place.tracker.recordAttempts(attempts(30, 10))).toMatchObject({ accepted: 10, duplicates: 0 })
    await place.reopen()
    expect(await place.total()).toBe(40)
    expect(await listed(place.tracker)).toEqual(
      attempts(0, 40)
        .map(one => one.attempt_id!)
        .sort(),
    )
    // 40 times do not limit the 95th percentile from above.
    const unlimited = /(?<="p95_interval":\{"low":[\d.]+,"high":)null/g
    const report = JSON.stringify(await place.tracker.generatePerformanceReport()).replaceAll(unlimited, '0')
    expect(report).not.toMatch(/:-\d|null|NaN/)
    expect((await place.tracker.health()).writable).toBe(true)
  })

  test('leaves at least all attempts of the last hour in answers about the last hour', async () => {
    await using place = await aTracker()
    await place.tracker.recordAttempts(attempts(0, 10))
    place.clock.nowMs = thenMs
    await place.tracker.recordAttempts(attempts(10, 1))
    place.clock.nowMs = NOW + 1000
    await place.tracker.recordAttempts(attempts(20, 10))
    const { total_attempts } = (await place.tracker.generatePerformanceReport({ since: '1h' })).summary
    expect(total_attempts).toBeGreaterThanOrEqual(20)
    expect(total_attempts).toBeLessThanOrEqual(21)
  })
})

test.each(STEPS.filter(([, ms]) => ms <= NOW + HOUR_MS))(
  'ids are recognized although the clock steps %s and back',
  async (_name, thenMs) => {
    await using place = await aTracker()
    await place.tracker.recordAttempts(attempts(0, 10))
    place.clock.nowMs = thenMs
    expect(await place.tracker.recordAttempts(attempts(0, 11))).toMatchObject({ accepted: 1, duplicates: 10 })
    place.clock.nowMs = NOW
    await place.reopen()
    expect(await place.tracker.recordAttempts(attempts(0, 11))).toMatchObject({ accepted: 0, duplicates: 11 })
    expect(await place.total()).toBe(11)
  },
)

test.each([25 * HOUR_MS, 3650 * DAY_MS, -25 * HOUR_MS])(
  'one attempt from a clock that is off by %d ms evicts no other id, with and without a restart, and counts once itself',
  async offMs => {
    await using place = await aTracker()
    await place.tracker.recordAttempts(attempts(0, 10))
    place.clock.nowMs = NOW + offMs
    expect(await place.tracker.recordAttempts(attempts(10, 1))).toMatchObject({ accepted: 1 })
    for (let start = 0; start < 2; start++) {
      place.clock.nowMs = NOW + 60_000
      expect(await place.tracker.recordAttempts(attempts(0, 11))).toMatchObject({ accepted: 0, duplicates: 11 })
      await place.reopen()
    }
    expect(await place.total()).toBe(11)
  },
)

test('ids age by a monotonic clock: while the wall clock is a day ahead, an id of a minute ago is recognized', async () => {
  await using folder = await temporaryFolder()
  const clock = { wallMs: NOW, passedMs: 0 }
  const store = await openStore(join(folder.path, 'agent_performance.json'), {
    clock: () => clock.wallMs,
    monotonic: () => clock.passedMs,
  })
  const tracker = new AgentPerformanceTracker({ store, clock: () => clock.wallMs })
  await tracker.recordAttempts(attempts(0, 10))
  Object.assign(clock, { wallMs: NOW + 25 * HOUR_MS, passedMs: 60_000 })
  expect(await tracker.recordAttempts(attempts(0, 10))).toMatchObject({ accepted: 0, duplicates: 10 })
  Object.assign(clock, { wallMs: NOW + 25 * HOUR_MS, passedMs: DAY_MS })
  expect(await tracker.recordAttempts(attempts(0, 10))).toMatchObject({ accepted: 10, duplicates: 0 })
  await tracker.close()
})

test('an id is recognized for 24 hours, and counts again when it is sent later', async () => {
  await using place = await aTracker()
  const [attempt] = attempts(0, 1) as [NewAttempt]
  expect(await place.tracker.recordAttempt(attempt)).toEqual({ status: 'accepted' })
  place.clock.nowMs = NOW + DAY_MS - 1
  expect(await place.tracker.recordAttempt({ ...attempt, success: false })).toEqual({ status: 'duplicate' })
  await place.reopen()
  expect(await place.tracker.recordAttempt(attempt)).toEqual({ status: 'duplicate' })
  place.clock.nowMs = NOW + DAY_MS
  expect(await place.tracker.recordAttempt(attempt)).toEqual({ status: 'accepted' })
  expect(await place.total()).toBe(2)
  expect(await place.tracker.getSuccessRate({ agent_name: 'a', model_name: 'm', issue_type: 'i' })).toBe(100)
})

describe('a timestamp', () => {
  test('in the past counts at its time; one in the far future, or none, counts as of now', async () => {
    await using place = await aTracker()
    const at = async (timestamp: string | undefined): Promise<string | undefined> => {
      const id = `at ${timestamp}`
      await place.tracker.recordAttempt({ ...attempts(0, 1)[0]!, attempt_id: id, timestamp })
      const { attempts: all } = await place.tracker.attempts({ limit: 100 })
      return all.find(one => one.attempt_id === id)?.timestamp
    }
    expect(await at('2016-03-29T12:00:00Z')).toMatch(/^2016-03-29T12:00:00(\.000)?Z$/)
    expect(await at('2036-03-29T12:00:00Z')).toMatch(/^2026-03-29T12:00:00(\.000)?Z$/)
    expect(await at(undefined)).toMatch(/^2026-03-29T12:00:00(\.000)?Z$/)
    // A leap second, and the hour that daylight saving time skips.
    expect(await at('2016-12-31T23:59:60Z')).toMatch(/^2017-01-01T00:00:00(\.000)?Z$/)
    expect(await at('2026-03-29T02:30:00')).toMatch(/^2026-03-29T0[1-3]:30:00/)
    expect(place.tracker.skewed).toBe(1)
    expect(await place.total()).toBe(5)
  })

  test.each([
    1_774_785_600,
    1_774_785_600_000,
    '1774785600',
    '2026-03-29',
    '12:00',
    '2026-02-29T00:00:00Z',
    '',
    '2026-13-01T00:00:00Z',
  ])('%j, which is invalid, is refused and nothing is counted', async timestamp => {
    await using place = await aTracker()
    const attempt = { ...attempts(0, 1)[0]!, timestamp: timestamp as string }
    expect(await place.tracker.recordAttempt(attempt)).toMatchObject({
      status: 'rejected',
      problems: [{ pointer: '/timestamp' }],
    })
    expect(await place.total()).toBe(0)
  })
})

test('answers do not depend on the order in which attempts arrive, even across the bounds of a range', async () => {
  /** Around the beginning of a minute, an hour and a day, and around the end of each tier. */
  const edges = [0, 60_000, HOUR_MS, 12 * HOUR_MS, DAY_MS, 90 * DAY_MS]
  const attempt = fc.record({
    agent_name: fc.constantFrom('a', 'b'),
    success: fc.boolean(),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    time_seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    at: fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -2, max: 2 })).map(([edge, ms]) => NOW - edge + ms),
  })
  const orders = fc
    .array(attempt, { minLength: 2, maxLength: 12 })
    .chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })))
  await fc.assert(
    fc.asyncProperty(orders, async ([one, other]) => {
      const answers = await Promise.all([one, other].map(answersAfter))
      expect(answers[1]).toEqual(answers[0])
    }),
    { numRuns: 40 },
  )
})

async function answersAfter(all: readonly (Partial<NewAttempt> & { readonly at: number })[]): Promise<unknown> {
  await using place = await aTracker()
  for (const { at, ...more } of all) {
    const timestamp = new Date(at).toISOString()
    await place.tracker.recordAttempt(anAttempt({ ...more, timestamp }) as unknown as NewAttempt)
  }
  const { tracker } = place
  const sorted = (rates: number | Record<string, number>): unknown => Object.entries(rates).sort()
  return Promise.all([
    ...['1m', '1h', '12h', '1d', '90d'].map(async since => sorted(await tracker.getSuccessRate({ since }))),
    ...['1m', '1h', '1d'].map(async until => sorted(await tracker.getSuccessRate({ until }))),
    tracker.getModelComparison({ minAttempts: 1 }),
    tracker.generatePerformanceReport().then(report => report.by_agent),
  ])
}
