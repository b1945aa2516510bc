/** Answers about thousands of keys are made in steps, so that others have their turn in between. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTally, type Tally, total } from '../../src/core/aggregate/tally.ts'
import type { AgentAttempt } from '../../src/core/attempt/attempt.ts'
import type { KeySummary } from '../../src/core/ports.ts'
import { decidedBestSteps } from '../../src/core/reports/best-agent.ts'
import { calibrationReport, calibrationSteps } from '../../src/core/reports/calibration-report.ts'
import { costReport, costSteps } from '../../src/core/reports/cost-report.ts'
import { experimentSteps } from '../../src/core/reports/experiment-report.ts'
import { FAIR_GROUPINGS, fairSteps } from '../../src/core/reports/fair-report.ts'
import { GROUPINGS } from '../../src/core/reports/grouped-rates.ts'
import { countsOf } from '../../src/core/reports/groups.ts'
import { performanceReport, performanceReportSteps } from '../../src/core/reports/report.ts'
import { routingSteps } from '../../src/core/reports/routing.ts'
import { trendSteps } from '../../src/core/reports/trends.ts'
import type { Steps } from '../../src/core/steps.ts'
import { attempts, NOW_MS } from './arbitraries.ts'

const KEYS = 10_000

const newTally = (): Tally => createTally({ maxKeys: KEYS, maxArms: 1000, tiers: [] })
const add = (tally: Tally, attempt: AgentAttempt): void => tally.add(attempt, { ms: NOW_MS, local: false }, NOW_MS)

/** 20 agents with 5 models each at 100 types of issue, 500 variants of an experiment, one attempt each. */
function thousandsOfKeys(): Tally {
  const tally = newTally()
  const timestamp = new Date(NOW_MS).toISOString()
  for (let key = 0; key < KEYS; key++) {
    add(tally, {
      agent_name: `agent-${key % 20}`,
      model_name: `model-${Math.floor(key / 20) % 5}`,
      issue_type: `issue-${Math.floor(key / 100)}`,
      success: key % 3 !== 0,
      confidence: (key % 10) / 10,
      time_seconds: 1,
      cost_usd: 0.5,
      timestamp,
      experiment: 'prompt',
      variant: `variant-${key % 500}`,
    })
  }
  return tally
}

function pausesOf(steps: Steps<unknown>): number {
  let pauses = 0
  while (steps.next().done !== true) pauses++
  return pauses
}

describe('an answer about 10,000 keys lets others have their turn', () => {
  const tally = thousandsOfKeys()
  const keys = tally.keys()
  const evidence = keys.map(one => ({ one, ...countsOf(one.summary) }))
  const counts = { successes: 1, attempts: 2 }

  test.each<[string, () => Steps<unknown>]>([
    ['a report on keys that were not grouped before', () => performanceReportSteps([...keys], 'now')],
    ['costs', () => costSteps(keys)],
    ...GROUPINGS.map((by): [string, () => Steps<unknown>] => [
      `calibration by ${by}`,
      () => calibrationSteps(keys, by),
    ]),
    ...FAIR_GROUPINGS.map((by): [string, () => Steps<unknown>] => [`a comparison by ${by}`, () => fairSteps(keys, by)]),
    ['trends', () => trendSteps([{ sinceMs: 0, untilMs: NOW_MS + 1 }], [counts], keys)],
    ['an experiment', () => experimentSteps('prompt', tally.arms('prompt'))],
    ['the best agent of many', () => decidedBestSteps(keys.slice(0, 300), { minAttempts: 1 })],
    ['a route', () => routingSteps('issue', evidence.slice(0, 300))],
  ])('%s: at a hundred places or more', (_, steps) => {
    expect(pausesOf(steps())).toBeGreaterThanOrEqual(100)
  })
})

test('a report is of one moment, whatever is counted in its pauses', () => {
  const tally = newTally()
  // Every pause costs a whole report, so the number of keys decides how long this takes. There are still hundreds of pauses.
  for (const attempt of fc.sample(attempts, 30)) add(tally, attempt)
  const keys = tally.keys()
  const steps = performanceReportSteps(keys, 'now')
  const moments = new Set<string>()
  for (;;) {
    moments.add(JSON.stringify(performanceReport(keys, 'now')))
    const step = steps.next()
    if (step.done === true) {
      expect(moments).toContain(JSON.stringify(step.value))
      break
    }
    add(tally, fc.sample(attempts, 1)[0]!)
  }
})

describe('attempts that come while an answer is made', () => {
  /** The answer made in steps, with an attempt counted at every pause. */
  function whileCounting<T>(list: readonly AgentAttempt[], make: (keys: readonly KeySummary[]) => Steps<T>): T {
    const tally = newTally()
    for (const attempt of list) add(tally, attempt)
    const steps = make(tally.keys())
    for (let i = 0; ; i++) {
      const step = steps.next()
      if (step.done === true) return step.value
      add(tally, list[i % list.length]!)
    }
  }
  const lists = fc.array(attempts, { minLength: 30, maxLength: 80 })

  test('leave costs whole: those by agent, model and issue type add up to all', () => {
    fc.assert(
      fc.property(lists, list => {
        const { overall, ...by } = whileCounting(list, costSteps)
        for (const groups of Object.values(by)) {
          const attempts = Object.values(groups).map(({ total_attempts }) => total_attempts)
          expect(attempts.reduce((sum, n) => sum + n, 0)).toBe(overall.total_attempts)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('leave calibration whole: its groups add up to all', () => {
    fc.assert(
      fc.property(lists, fc.constantFrom(...GROUPINGS), (list, by) => {
        const { overall, groups } = whileCounting(list, keys => calibrationSteps(keys, by))
        const attempts = Object.values(groups).map(group => group.attempts)
        expect(attempts.reduce((sum, n) => sum + n, 0)).toBe(overall.attempts)
      }),
      { numRuns: 30 },
    )
  })

  test('leave the chances of a route whole: one of them is the best', () => {
    const route = (keys: readonly KeySummary[]): Steps<{ readonly ranked: readonly { readonly p_best: number }[] }> =>
      routingSteps(
        'i',
        keys.map(one => ({ one, ...countsOf(one.summary) })),
      )
    const { ranked } = whileCounting(fc.sample(attempts, 50), route)
    expect(ranked.reduce((sum, { p_best }) => sum + p_best, 0)).toBeCloseTo(1, 6)
  })
})

test('what all groups add up to is what all keys add up to, to the last digit', () => {
  fc.assert(
    fc.property(fc.array(attempts, { maxLength: 60 }), list => {
      const tally = newTally()
      for (const attempt of list) add(tally, attempt)
      const keys = tally.keys()
      const one = [{ ...(keys[0] ?? { recent: undefined }), key: NO_NAMES, summary: total(keys) }] as KeySummary[]
      expect(costReport(keys).overall).toEqual(costReport(one).overall)
      for (const by of GROUPINGS)
        expect(calibrationReport(keys, by).overall).toEqual(calibrationReport(one, by).overall)
    }),
  )
})

const NO_NAMES = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
