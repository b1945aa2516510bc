/** The rules about experiments and the sidecar, and what holds for all alerts. */
import { describe, expect, test } from 'vitest'
import { ALERT_SEVERITIES, type Alert, DEFAULT_ALERT_SETTINGS } from '../../../src/core/alerts/alert.ts'
import { evaluate } from '../../../src/core/alerts/evaluate.ts'
import { readFacts } from '../../../src/core/alerts/find-alerts.ts'
import { isMuted } from '../../../src/core/alerts/mute.ts'
import { ALERT_RULES } from '../../../src/core/alerts/rules.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { createWorld, DAY_MS, evenly, MINUTE_MS, settingsOf, type World } from './world.ts'

/** Attempts of two variants in turn. */
function experiment(world: World, attempts: number, percents: readonly [number, number], name = 'prompt'): void {
  for (let i = 0; i < attempts; i++) {
    world.nowMs += MINUTE_MS
    const variant = i % 2 === 0 ? 'control' : 'canary'
    world.attempt({ experiment: name, variant, success: evenly(Math.floor(i / 2), percents[i % 2]!) })
  }
}

const rules = (alerts: readonly Alert[]): string[] => alerts.map(({ rule }) => rule)

describe('experiments', () => {
  test('a variant that does worse and one that does better fire with their numbers, equal ones do not', async () => {
    const world = createWorld()
    experiment(world, 300, [80, 40])
    experiment(world, 300, [40, 80], 'model')
    experiment(world, 300, [60, 60], 'same')
    const found = (await world.alerts()).filter(({ labels }) => labels.has('experiment'))
    expect(found.map(({ rule, labels }) => [rule, ...labels.values()])).toEqual([
      ['ExperimentVariantWorse', 'prompt', 'canary'],
      ['ExperimentVariantBetter', 'model', 'canary'],
    ])
    expect(found[0]!.summary).toBe('prompt: canary is 40.0 points worse than control.')
    expect(found[0]!.figures).toEqual([
      expect.objectContaining({ before: 80, after: 40, n: 150, interval: expect.anything() }),
    ])
  })

  test('end when the experiment makes no attempt for a week', async () => {
    const world = createWorld()
    experiment(world, 300, [80, 40])
    expect(await world.of('ExperimentVariantWorse')).toHaveLength(1)
    world.nowMs += 7 * DAY_MS
    expect(await world.of('ExperimentVariantWorse')).toEqual([])
  })

  test('shares that are not as intended fire, and then no verdict does', async () => {
    const world = createWorld()
    experiment(world, 300, [80, 40])
    expect(await world.of('ExperimentVariantWorse')).toHaveLength(1)
    for (let i = 0; i < 300; i++) world.attempt({ experiment: 'prompt', variant: 'control', success: evenly(i, 80) })
    const found = (await world.alerts()).filter(({ labels }) => labels.has('experiment'))
    expect(rules(found)).toEqual(['ExperimentSampleRatioMismatch'])
    expect(found[0]!.figures.map(({ name, after }) => [name, after])).toEqual([
      ['attempts of control', 450],
      ['attempts of canary', 150],
    ])
  })
})

describe('the sidecar', () => {
  test('keys near their limit fire from 90 % on, and end below 85 %', async () => {
    const world = createWorld({ maxKeys: 20 })
    for (let i = 0; i < 17; i++) world.attempt({ issue_type: `${i}` })
    expect(await world.of('SidecarKeysRunningOut')).toEqual([])
    world.attempt({ issue_type: '17' })
    const [alert] = await world.of('SidecarKeysRunningOut')
    expect(alert!.summary).toBe('18 of the 20 keys that --max-keys allows are in use.')
    const lowered = settingsOf({ rules: new Map([['SidecarKeysRunningOut', { threshold: 94 }]]) })
    expect(await world.of('SidecarKeysRunningOut', lowered)).toHaveLength(1)
    const higher = settingsOf({ rules: new Map([['SidecarKeysRunningOut', { threshold: 96 }]]) })
    expect(await world.of('SidecarKeysRunningOut', higher)).toEqual([])
  })

  test('arms near their limit fire', async () => {
    const world = createWorld({ maxArms: 10 })
    for (let i = 0; i < 9; i++) world.attempt({ experiment: 'e', variant: `${i}` })
    expect(await world.of('SidecarArmsRunningOut')).toHaveLength(1)
  })

  test('a store that accepts no attempts is critical, and its problems are warnings, since they began', async () => {
    const world = createWorld()
    world.health = {
      writable: false,
      reason: 'the disk is full',
      advisories: [{ name: 'damage', detail: 'a segment is damaged' }],
    }
    const beganMs = world.nowMs
    await world.alerts()
    world.nowMs += DAY_MS
    const found = await world.alerts()
    expect(found).toMatchObject([
      { rule: 'SidecarStoreFailing', severity: 'critical', sinceMs: beganMs, evidence: 'the disk is full' },
      { rule: 'SidecarStoreDegraded', severity: 'warning', sinceMs: beganMs, evidence: 'a segment is damaged' },
    ])
    world.health = { writable: false, isReadOnly: true, reason: 'it is open for questions only' }
    expect(await world.alerts()).toEqual([])
  })
})

describe('settings', () => {
  test('turn a rule off and change its severity', async () => {
    const world = createWorld()
    world.health = { writable: false }
    const of = (given: object) => settingsOf({ rules: new Map([['SidecarStoreFailing', given]]) })
    expect(await world.alerts(of({ isEnabled: false }))).toEqual([])
    expect(await world.alerts(of({ severity: 'info' }))).toMatchObject([{ severity: 'info' }])
  })

  test('a mute matches an alert with all of its labels, until its time', () => {
    const alert = { rule: 'AgentSilent', labels: new Map([['agent_name', 'a']]) }
    const mute = (labels: Record<string, string>, untilMs?: number) => [
      { labels: new Map(Object.entries(labels)), untilMs },
    ]
    expect(isMuted(alert, mute({ agent_name: 'a' }), 0)).toBe(true)
    expect(isMuted(alert, mute({ rule: 'AgentSilent' }), 0)).toBe(true)
    expect(isMuted(alert, mute({ rule: 'AgentSilent', agent_name: 'b' }), 0)).toBe(false)
    expect(isMuted(alert, mute({ model_name: 'm' }), 0)).toBe(false)
    expect(isMuted(alert, mute({}), 0)).toBe(true)
    expect(isMuted(alert, mute({ agent_name: 'a' }, 10), 9)).toBe(true)
    expect(isMuted(alert, mute({ agent_name: 'a' }, 10), 10)).toBe(false)
  })
})

test('an arm whose results come later than those of the other is no mismatch of the shares', async () => {
  const world = createWorld()
  for (let i = 0; i < 400; i++) {
    world.nowMs += MINUTE_MS
    const isLate = i % 2 > 0 && i >= 100
    world.attempt({ experiment: 'e', variant: `v${i % 2}`, success: isLate ? undefined : evenly(i >> 1, 50) })
  }
  expect(await world.of('ExperimentSampleRatioMismatch')).toEqual([])
})

describe('all alerts', () => {
  /** A world in which most rules fire, about names that are as long and as hostile as names can be. */
  async function everything(): Promise<readonly Alert[]> {
    const long = `<@"&${'é'.repeat(126)}`
    const names = { agent_name: long, model_name: long, issue_type: long }
    const world = createWorld({ maxKeys: 1, maxArms: 2 })
    world.health = { writable: false, advisories: [{ name: 'damage', detail: 'x' }] }
    for (let i = 0; i < 400; i++) {
      world.nowMs += MINUTE_MS
      const success = i < 300 ? evenly(i, i % 2 === 0 ? 95 : 60) : false
      world.attempt({ ...names, success, confidence: 0.95, experiment: long, variant: `${long.slice(1)}${i % 2}` })
    }
    const targets = [{ labels: new Map(Object.entries(names)) as never, minSuccessRate: 80 }]
    return await world.alerts(settingsOf({ targets }))
  }

  test('state a sentence that fits a push notification, evidence, false alarms, and links that are paths', async () => {
    const found = await everything()
    expect(found.length).toBeGreaterThanOrEqual(6)
    for (const { summary, evidence, falseAlarms, links, severity } of found) {
      expect(Array.from(summary).length).toBeLessThanOrEqual(120)
      expect(evidence).not.toBe('')
      expect(falseAlarms).toMatch(/^[A-Z0-9].*\.$/)
      expect(ALERT_SEVERITIES).toContain(severity)
      const base = 'http://127.0.0.1:9464/prefix/'
      for (const link of [links.page, links.question])
        expect(new URL(link, base).href).toMatch(/^http:\/\/127\.0\.0\.1:9464\/prefix\/[\w/-]+(\?|$|\/)/)
      expect(links.runbook).toMatch(/^docs\/alerts\.md#[a-z]+$/)
    }
  })

  test('come in the order of their severity, and have the labels of their rule', async () => {
    const found = await everything()
    const ranks = found.map(({ severity }) => ALERT_SEVERITIES.indexOf(severity))
    expect(ranks).toEqual(ranks.toSorted())
    for (const { rule, labels } of found) {
      const { labels: allowed } = ALERT_RULES.find(({ name }) => name === rule)!
      for (const name of labels.keys()) expect(allowed).toContain(name)
    }
  })

  test('are the same for the same facts, settings and time', async () => {
    expect(await everything()).toEqual(await everything())
  })
})

test('many keys are evaluated in steps, at least one for every ten keys', async () => {
  const world = createWorld({ maxKeys: 2000 })
  for (let i = 0; i < 60_000; i++) {
    world.nowMs += 1000
    world.attempt({ agent_name: `${i % 100}`, issue_type: `${i % 1000}`, success: i % 7 > 0, confidence: 0.8 })
  }
  const facts = await readFacts(world.source, DEFAULT_ALERT_SETTINGS, world.nowMs, async steps =>
    runToCompletion(steps),
  )
  const steps = evaluate(facts, DEFAULT_ALERT_SETTINGS, world.nowMs)
  let yields = 0
  while (steps.next().done !== true) yields++
  // Drift of keys, drift of agents, and confidence.
  expect(yields).toBeGreaterThanOrEqual(3 * (1000 / 10))
})

test('each rule has a name in CamelCase, a default within its range, and texts without a full stop', () => {
  expect(new Set(ALERT_RULES.map(({ name }) => name)).size).toBe(ALERT_RULES.length)
  for (const { name, threshold, watches, statistic, falseAlarms, ends, advice } of ALERT_RULES) {
    expect(name).toMatch(/^([A-Z][a-z]+){2,}$/)
    for (const text of [watches, statistic, falseAlarms, ends, advice]) expect(text).not.toMatch(/\.$/)
    if (threshold?.byDefault === undefined) continue
    expect(threshold.byDefault).toBeGreaterThanOrEqual(threshold.min)
    expect(threshold.byDefault).toBeLessThanOrEqual(threshold.max)
  }
})
