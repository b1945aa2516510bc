/** The rules about agents: what makes each of them fire, what does not, and what ends it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Alert, alertId } from '../../../src/core/alerts/alert.ts'
import { createWorld, DAY_MS, evenly, HOUR_MS, MINUTE_MS, START_MS, settingsOf, type World } from './world.ts'

/** One attempt each minute, `percent` of which succeed. */
function work(world: World, attempts: number, percent: number, given: object = {}): void {
  for (let i = 0; i < attempts; i++) {
    world.nowMs += MINUTE_MS
    world.attempt({ success: evenly(i, percent), ...given })
  }
}

const names = (alerts: readonly Alert[]): string[] => alerts.map(({ rule }) => rule)

test('nothing fires without attempts, and nothing of healthy agents', async () => {
  const world = createWorld()
  expect(await world.alerts()).toEqual([])
  work(world, 300, 80, { confidence: 0.8, cost_usd: 0.1 })
  const targets = [{ labels: new Map([['agent_name', 'a'] as const]), minSuccessRate: 75 }]
  expect(await world.alerts(settingsOf({ targets }))).toEqual([])
})

describe('AgentSuccessDrift', () => {
  test('fires when the rate of one key falls, says the rates, since when and how many attempts', async () => {
    const world = createWorld()
    work(world, 200, 90)
    expect(await world.alerts()).toEqual([])
    const fallMs = world.nowMs
    work(world, 60, 40)
    const [alert, ...others] = await world.alerts()
    expect(others).toEqual([])
    expect(alert).toMatchObject({ rule: 'AgentSuccessDrift', severity: 'warning' })
    expect([...alert!.labels]).toEqual([['agent_name', 'a']])
    expect(Math.abs(alert!.sinceMs - fallMs)).toBeLessThan(15 * MINUTE_MS)
    const [figure] = alert!.figures
    expect(figure!.before).toBeGreaterThan(85)
    expect(figure!.after).toBeLessThan(55)
    expect(figure!.interval!.low).toBeLessThan(figure!.after)
    expect(figure!.n).toBeGreaterThan(40)
    expect(alert!.evidence).toContain('with m at i')
  })

  test('fires once for an agent that falls a little with each of many issue types', async () => {
    const world = createWorld()
    for (let i = 0; i < 640; i++) {
      world.nowMs += MINUTE_MS
      world.attempt({ issue_type: `i${i % 8}`, success: evenly(Math.floor(i / 8), i < 480 ? 90 : 65) })
    }
    const alerts = await world.of('AgentSuccessDrift')
    expect(alerts).toHaveLength(1)
    expect(alerts[0]!.evidence).toContain('over all its keys')
  })

  test('ends when the rate is back, and does not begin again at once', async () => {
    const world = createWorld()
    work(world, 200, 90)
    work(world, 60, 40)
    expect(names(await world.alerts())).toEqual(['AgentSuccessDrift'])
    let changes = 0
    let before = true
    for (let i = 0; i < 200; i++) {
      work(world, 1, evenly(i, 90) ? 100 : 0)
      const fires = (await world.of('AgentSuccessDrift')).length > 0
      if (fires !== before) changes++
      before = fires
    }
    expect({ before, changes }).toEqual({ before: false, changes: 1 })
  })

  test('lasts where the evidence has fallen below what a new alert needs', async () => {
    const world = createWorld()
    work(world, 200, 90)
    let attempts = 0
    for (; (await world.alerts(undefined, { isStateless: true })).length === 0; attempts++) work(world, 1, 0)
    const earlier = createWorld()
    work(earlier, 200, 90)
    work(earlier, attempts - 1, 0)
    expect(await earlier.alerts(undefined, { isStateless: true })).toEqual([])
    earlier.firing.set(alertId({ rule: 'AgentSuccessDrift', labels: new Map([['agent_name', 'a']]) }), earlier.nowMs)
    expect(names(await earlier.alerts())).toEqual(['AgentSuccessDrift'])
  })

  test('ends when the agent makes no attempt for a week', async () => {
    const world = createWorld()
    work(world, 200, 90)
    work(world, 60, 40)
    expect(names(await world.alerts())).toEqual(['AgentSuccessDrift'])
    world.nowMs += 6 * DAY_MS
    expect(await world.of('AgentSuccessDrift')).toHaveLength(1)
    world.nowMs += DAY_MS
    expect(await world.of('AgentSuccessDrift')).toEqual([])
  })

  test('AgentSuccessRose says in an info that the rate rose', async () => {
    const world = createWorld()
    work(world, 200, 50)
    work(world, 60, 95)
    const [alert] = await world.alerts()
    expect(alert).toMatchObject({ rule: 'AgentSuccessRose', severity: 'info' })
  })
})

describe('AgentMissesTarget', () => {
  const target = (
    minSuccessRate: number,
    labels: readonly (readonly ['agent_name' | 'model_name' | 'issue_type', string])[],
  ) => settingsOf({ targets: [{ labels: new Map(labels), minSuccessRate }] })

  test('fires for an agent, a model or an issue type below its target, with the labels of the target', async () => {
    const world = createWorld()
    work(world, 100, 60)
    for (const label of [
      ['agent_name', 'a'],
      ['model_name', 'm'],
      ['issue_type', 'i'],
    ] as const) {
      const [alert, ...others] = await world.alerts(target(80, [label]), { isStateless: true })
      expect(others).toEqual([])
      expect(alert!.rule).toBe('AgentMissesTarget')
      expect([...alert!.labels]).toEqual([label])
      expect(alert!.figures.map(({ after }) => after)).toEqual([expect.any(Number), 80])
      expect(alert!.figures[0]!.interval!.high).toBeLessThan(80)
    }
    expect(await world.alerts(target(80, [['agent_name', 'other']]), { isStateless: true })).toEqual([])
    expect(await world.alerts(target(50, [['agent_name', 'a']]), { isStateless: true })).toEqual([])
  })

  test('what chance can do fires nothing: 5 failures in a row, and 75 of 100 at a target of 80 %', async () => {
    for (const [attempts, percent] of [
      [5, 0],
      [100, 75],
    ] as const) {
      const world = createWorld()
      work(world, attempts, percent)
      expect(await world.of('AgentMissesTarget', target(80, [['agent_name', 'a']]))).toEqual([])
    }
  })

  test('needs no minimum of attempts: 7 failures in a row are below 80 % for certain', async () => {
    const world = createWorld()
    work(world, 7, 0)
    expect(await world.of('AgentMissesTarget', target(80, [['agent_name', 'a']]))).toHaveLength(1)
  })

  test('the threshold of the rule is the target of every agent that no target names', async () => {
    const world = createWorld()
    work(world, 100, 60)
    work(world, 100, 60, { agent_name: 'b' })
    const settings = {
      ...target(50, [['agent_name', 'b']]),
      rules: new Map([['AgentMissesTarget', { threshold: 80 }]]),
    }
    const found = await world.of('AgentMissesTarget', settings)
    expect(found.map(({ labels }) => labels.get('agent_name'))).toEqual(['a'])
  })

  test('an agent that always failed in the past and meets its target since fires no more', async () => {
    const world = createWorld()
    const settings = target(80, [['agent_name', 'a']])
    work(world, 100, 0)
    expect(await world.of('AgentMissesTarget', settings)).toHaveLength(1)
    work(world, 150, 95)
    expect(await world.of('AgentMissesTarget', settings)).toEqual([])
  })
})

describe('AgentOverconfident', () => {
  test('fires when confidence is far above success, and not for a calibrated agent', async () => {
    const world = createWorld()
    work(world, 100, 50, { confidence: 0.9 })
    work(world, 100, 90, { agent_name: 'honest', confidence: 0.9 })
    work(world, 100, 50, { agent_name: 'modest', confidence: 0.3 })
    const [alert, ...others] = await world.of('AgentOverconfident')
    expect(others).toEqual([])
    expect(alert!.labels.get('agent_name')).toBe('a')
    expect(alert!.summary).toMatch(/^a states a confidence of 90\.0 %, and (4|5)\d\.\d % of its attempts succeed\.$/)
  })

  test('the threshold says how many points are accepted', async () => {
    const world = createWorld()
    work(world, 100, 50, { confidence: 0.9 })
    expect(await world.of('AgentOverconfident', rule('AgentOverconfident', 45))).toEqual([])
    expect(await world.of('AgentOverconfident', rule('AgentOverconfident', 5))).toHaveLength(1)
  })
})

const rule = (name: string, threshold: number) => settingsOf({ rules: new Map([[name, { threshold }]]) })

describe('AgentCostPerSuccessRose', () => {
  /** 20 attempts an hour at varying costs. */
  function spend(world: World, hours: number, factor: number): void {
    for (let i = 0; i < 20 * hours; i++) {
      world.nowMs += 3 * MINUTE_MS
      world.attempt({ success: evenly(i, 80), cost_usd: factor * (0.5 + (i % 10) / 10) })
    }
  }

  test('fires when a success costs twice as much, says both costs, and ends when it is cheap again', async () => {
    const world = createWorld()
    spend(world, 72, 1)
    expect(await world.alerts()).toEqual([])
    spend(world, 47, 2)
    const [alert] = await world.of('AgentCostPerSuccessRose')
    expect(alert!.figures[0]!.before).toBeCloseTo(1.1875, 1)
    expect(alert!.figures[0]!.after).toBeCloseTo(2.375, 1)
    expect(alert!.summary).toBe('A success of a costs 2.0 times as much as in the 28 days before.')
    spend(world, 48, 1)
    expect(await world.of('AgentCostPerSuccessRose')).toEqual([])
  })

  test('a rise below the threshold fires nothing, however certain it is', async () => {
    const world = createWorld()
    spend(world, 72, 1)
    spend(world, 47, 1.3)
    expect(await world.of('AgentCostPerSuccessRose')).toEqual([])
    expect(await world.of('AgentCostPerSuccessRose', rule('AgentCostPerSuccessRose', 1.2))).toHaveLength(1)
  })
})

describe('AgentSilent', () => {
  /** Attempts every 5 minutes from 8 to 18 o'clock on working days, until a time. */
  function workingDays(world: World, untilMs: number, given: Parameters<World['attempt']>[0] = {}): void {
    for (; world.nowMs < untilMs; world.nowMs += 5 * MINUTE_MS) {
      const at = new Date(world.nowMs)
      if (at.getUTCDay() % 6 !== 0 && at.getUTCHours() >= 8 && at.getUTCHours() < 18) world.attempt(given)
    }
  }

  /** Three weeks of Wednesdays later. */
  const LATER_MS = START_MS + 21 * DAY_MS

  test('is silent on the nights and weekends on which the agent always was', async () => {
    const world = createWorld()
    workingDays(world, LATER_MS - 4 * DAY_MS)
    for (let hour = 0; hour < 48; hour++) {
      expect(await world.of('AgentSilent')).toEqual([])
      world.nowMs += HOUR_MS
    }
  })

  test('fires within some hours of a working day, since the last attempt, until the next one', async () => {
    const world = createWorld()
    workingDays(world, LATER_MS + 10 * HOUR_MS)
    const lastMs = world.nowMs - 5 * MINUTE_MS
    expect(await world.of('AgentSilent')).toEqual([])
    world.nowMs += 4 * HOUR_MS
    const [alert] = await world.of('AgentSilent')
    expect(alert).toMatchObject({ sinceMs: lastMs, summary: 'a has made no attempt for 4 hours.' })
    // In the night no attempts are expected, which is no reason to end it.
    world.nowMs += 10 * HOUR_MS
    expect(await world.of('AgentSilent')).toHaveLength(1)
    world.attempt({})
    expect(await world.of('AgentSilent')).toEqual([])
  })

  test('attempts that wait for their outcome are no silence, which begins after the last of them', async () => {
    const world = createWorld()
    workingDays(world, LATER_MS + 9 * HOUR_MS)
    for (; world.nowMs < LATER_MS + 14 * HOUR_MS; world.nowMs += 5 * MINUTE_MS) {
      expect(await world.of('AgentSilent')).toEqual([])
      world.attempt({ success: undefined })
    }
    world.nowMs += 3 * HOUR_MS
    const [alert] = await world.of('AgentSilent')
    expect(alert).toMatchObject({
      sinceMs: LATER_MS + 14 * HOUR_MS - 5 * MINUTE_MS,
      summary: 'a has made no attempt for 3 hours.',
    })
  })

  test('an agent whose attempts all wait for their outcome falls silent as others do, and ends by its next attempt', async () => {
    const world = createWorld()
    workingDays(world, LATER_MS + 10 * HOUR_MS, { success: undefined })
    const lastMs = world.nowMs - 5 * MINUTE_MS
    expect(await world.of('AgentSilent')).toEqual([])
    world.nowMs += 4 * HOUR_MS
    expect(await world.of('AgentSilent')).toMatchObject([
      { sinceMs: lastMs, summary: 'a has made no attempt for 4 hours.' },
    ])
    world.attempt({ success: undefined })
    expect(await world.of('AgentSilent')).toEqual([])
  })

  test('outcomes that decide attempts later are no attempts: they end no silence, and none is expected at their time', async () => {
    const world = createWorld()
    const decideFrom = world.nowMs
    workingDays(world, LATER_MS + 10 * HOUR_MS, { success: undefined })
    world.nowMs += 4 * HOUR_MS
    const before = await world.alerts(undefined, { isStateless: true })
    expect(before.map(({ rule }) => rule)).toEqual(['AgentSilent'])
    for (let atMs = decideFrom; atMs < LATER_MS; atMs += 5 * MINUTE_MS) {
      const at = new Date(atMs)
      if (at.getUTCDay() % 6 !== 0 && at.getUTCHours() >= 8 && at.getUTCHours() < 18)
        world.outcome({ success: undefined }, atMs, true)
    }
    expect(await world.alerts(undefined, { isStateless: true })).toEqual(before)
  })

  test('an agent of less than two weeks is not judged', async () => {
    const world = createWorld()
    workingDays(world, START_MS + 13 * DAY_MS)
    world.nowMs += 2 * DAY_MS
    expect(await world.of('AgentSilent')).toEqual([])
  })
})

test('the order of receipt of late attempts changes no alert', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(20)), async lateness => {
      const attempts = Array.from({ length: 100 }, (_, i) => ({
        atMs: START_MS + i * MINUTE_MS,
        success: evenly(i, 50),
        confidence: 0.9,
        receipt: i + lateness.next().value,
      }))
      const [inOrder, late] = [createWorld(), createWorld()]
      for (const { atMs, success, confidence } of attempts) inOrder.attempt({ success, confidence }, atMs)
      for (const { atMs, success, confidence } of attempts.toSorted((a, b) => a.receipt - b.receipt))
        late.attempt({ success, confidence }, atMs)
      const settings = settingsOf({ rules: new Map([['AgentMissesTarget', { threshold: 80 }]]) })
      const expected = await inOrder.alerts(settings, { isStateless: true })
      expect(names(expected)).toEqual(['AgentMissesTarget', 'AgentOverconfident'])
      expect(await late.alerts(settings, { isStateless: true })).toEqual(expected)
    }),
    { numRuns: 20 },
  )
})
