/** An evaluation uses what earlier ones computed of what did not change, and finds the same as one that has nothing of them. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Alert, AlertSettings } from '../../../src/core/alerts/alert.ts'
import { type AlertSource, findAlerts } from '../../../src/core/alerts/find-alerts.ts'
import { roundedTests } from '../../../src/core/alerts/recall.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { createWorld, DAY_MS, evenly, HOUR_MS, MINUTE_MS, settingsOf, type World } from './world.ts'

/** Each time another list, of which no evaluation has computed anything. */
const unknownTo = (source: AlertSource): AlertSource => ({
  ...source,
  summaries: async (...asked) => [...(await source.summaries(...asked))],
})

async function fromNothing(world: World, settings: AlertSettings): Promise<readonly Alert[]> {
  return await findAlerts(unknownTo(world.source), settings, world.nowMs, async steps => runToCompletion(steps))
}

/** Attempts of one agent, or time without any. */
const period = fc.record({
  agent_name: fc.constantFrom('a', 'b', 'c'),
  model_name: fc.constantFrom('m', 'n'),
  issue_type: fc.constantFrom('i', 'j', 'k'),
  attempts: fc.constantFrom(0, 1, 40, 150),
  percent: fc.constantFrom(20, 60, 95),
  confidence: fc.constantFrom(null, 0.9),
  cost_usd: fc.constantFrom(undefined, 0.1, 0.2, 1),
  everyMs: fc.constantFrom(MINUTE_MS, 5 * MINUTE_MS),
  lateMs: fc.constantFrom(0, 0, HOUR_MS, 2 * DAY_MS),
  pauseMs: fc.constantFrom(0, HOUR_MS, DAY_MS, 8 * DAY_MS),
})

type Period = typeof period extends fc.Arbitrary<infer T> ? T : never

function spend(world: World, { attempts, percent, everyMs, lateMs, pauseMs, ...given }: Period): void {
  world.nowMs += pauseMs
  for (let i = 0; i < attempts; i++) {
    world.nowMs += everyMs
    world.attempt({ ...given, success: evenly(i, percent) }, world.nowMs - lateMs)
  }
}

const settings = settingsOf({
  targets: [
    { labels: new Map([['model_name', 'm'] as const]), minSuccessRate: 70 },
    { labels: new Map([['agent_name', 'a'] as const]), minSuccessRate: 90 },
  ],
  rules: new Map([['AgentMissesTarget', { threshold: 50 }]]),
})

test('evaluations after each other find what a first evaluation finds, whatever happens between them', async () => {
  let fired = 0
  await fc.assert(
    fc.asyncProperty(fc.array(period, { minLength: 1, maxLength: 12 }), async periods => {
      const world = createWorld()
      for (const one of periods) {
        spend(world, one)
        const expected = await fromNothing(world, settings)
        fired += expected.length
        expect(await world.alerts(settings)).toEqual(expected)
      }
    }),
    { numRuns: 25, seed: 22 },
  )
  expect(fired).toBeGreaterThan(50)
})

test('an agent with more attempts than are tested is judged by the latest ones, also after late ones and outcomes', async () => {
  const world = createWorld()
  const work = (attempts: number, percent: number, lateMs = 0): void => {
    for (let i = 0; i < attempts; i++) {
      world.nowMs += MINUTE_MS
      world.attempt({ issue_type: `${i % 20}`, success: evenly(Math.floor(i / 20), percent) }, world.nowMs - lateMs)
    }
  }
  for (const [attempts, percent, lateMs] of [
    [2400, 90, 0],
    [200, 60, 0],
    [300, 90, DAY_MS],
    [1500, 60, 0],
    [700, 95, 0],
  ] as const) {
    work(attempts, percent, lateMs)
    const expected = await fromNothing(world, settings)
    expect(await world.alerts(settings)).toEqual(expected)
  }
})

test('an agent most of whose keys are over is judged by older attempts of the others too', async () => {
  const world = createWorld()
  const work = (attempts: number, percent: number, types: number, name: string): void => {
    for (let i = 0; i < attempts; i++) {
      world.nowMs += MINUTE_MS
      const success = evenly(Math.floor(i / types), percent)
      world.attempt({ issue_type: `${name} ${i % types}`, success, confidence: 0.8 })
    }
  }
  work(400, 60, 8, 'lasting')
  work(400, 90, 8, 'lasting')
  work(1500, 90, 10, 'over')
  await world.alerts(settings)
  // Of the latest attempts that were tested then, none is left.
  world.nowMs += 8 * DAY_MS
  work(160, 65, 8, 'lasting')
  const expected = await fromNothing(world, settings)
  expect(expected.map(({ rule }) => rule)).toContain('AgentSuccessDrift')
  expect(await world.alerts(settings)).toEqual(expected)
})

test('a number of tests is rounded up to two significant digits', () => {
  expect([0, 1, 9, 42, 99, 100, 101, 1234, 10_000, 10_001].map(roundedTests)).toEqual([
    0, 1, 9, 42, 99, 100, 110, 1300, 10_000, 11_000,
  ])
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), tests => {
      expect(roundedTests(tests)).toBeGreaterThanOrEqual(tests)
      expect(roundedTests(tests)).toBeLessThanOrEqual(1.1 * tests)
    }),
  )
})
