/** The question `alerts` over a store: what fires, filtered and muted, in a process and by the command on a store that no other process has open. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type AlertSettings, DEFAULT_ALERT_SETTINGS, type EvaluatedAlerts } from '../../src/core/alerts/alert.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { runCommand } from '../command/run-command.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

/** 100 attempts each of an agent that is right about its confidence, and of one that is not, until now. */
async function record(tracker: AgentPerformanceTracker, nowMs: number): Promise<void> {
  const attempts = Array.from({ length: 200 }, (_, i) => ({
    agent_name: i % 2 === 0 ? 'honest' : 'boaster',
    model_name: 'm',
    issue_type: 'i',
    success: i % 2 === 0 ? i % 20 !== 0 : i % 4 === 1,
    confidence: 0.9,
    time_seconds: 1,
    timestamp: new Date(nowMs - (200 - i) * 60_000).toISOString(),
  }))
  expect((await tracker.recordAttempts(attempts)).accepted).toBe(200)
}

test('lists what fires with its state and owner, selects by label, rule, state and begin, and says what is watched', async () => {
  await using folder = await temporaryFolder()
  let settings: AlertSettings = {
    ...DEFAULT_ALERT_SETTINGS,
    rules: new Map([
      ['AgentOverconfident', { owner: 'team-a', severity: 'critical' }],
      ['AgentSilent', { isEnabled: false }],
    ]),
  }
  const store = join(folder.path, 'agents.json')
  const tracker = new AgentPerformanceTracker({ store, alertSettings: () => settings })
  const nowMs = Date.now()
  await record(tracker, nowMs)

  const { alerts, watched } = await tracker.ask('alerts', {})
  expect(alerts).toMatchObject([
    {
      rule: 'AgentOverconfident',
      labels: { agent_name: 'boaster' },
      severity: 'critical',
      state: 'firing',
      owner: 'team-a',
    },
  ])
  expect(Date.parse(alerts[0]!.since)).toBeGreaterThanOrEqual(nowMs - 200 * 60_000)
  const rules = watched.map(({ rule }) => rule)
  expect(rules).toContain('AgentSuccessDrift')
  expect(rules).not.toContain('AgentSilent')
  const count = async (query: Parameters<typeof tracker.ask<'alerts'>>[1]): Promise<number> =>
    (await tracker.ask('alerts', query)).alerts.length
  expect(await count({ agent_name: 'boaster' })).toBe(1)
  expect(await count({ agent_name: 'honest' })).toBe(0)
  expect(await count({ experiment: 'none' })).toBe(0)
  expect(await count({ rule: 'AgentOverconfident' })).toBe(1)
  expect(await count({ rule: 'AgentSilent' })).toBe(0)
  expect(await count({ since: '1m' })).toBe(0)
  expect(await count({ since: '1d' })).toBe(1)
  expect(await count({ state: 'muted' })).toBe(0)
  settings = { ...settings, mutes: [{ labels: new Map([['agent_name', 'boaster']]) }] }
  expect(await count({ state: 'muted' })).toBe(1)
  expect(await count({ state: 'firing' })).toBe(0)
  await tracker.close()

  // A store that is opened for questions only accepts no attempts, which is no fault.
  const { stdout } = await runCommand(['alerts', '--store', store, '--json'])
  const fromStore = (JSON.parse(stdout) as { alerts: { rule: string }[] }).alerts
  expect(fromStore.map(({ rule }) => rule)).toEqual(['AgentOverconfident'])
})

test('an alert about a model is found by any spelling of the model', async () => {
  await using folder = await temporaryFolder()
  const tracker = new AgentPerformanceTracker({
    store: join(folder.path, 'agents.json'),
    modelAliases: { m: ['vendor/m'] },
    alertSettings: () => ({
      ...DEFAULT_ALERT_SETTINGS,
      targets: [{ labels: new Map([['model_name', 'm']]), minSuccessRate: 99 }],
    }),
  })
  await record(tracker, Date.now())
  const rulesOf = async (model_name: string): Promise<string[]> =>
    (await tracker.ask('alerts', { model_name })).alerts.map(({ rule }) => rule)
  const byName = await rulesOf('m')
  expect(byName).toHaveLength(1)
  expect(await rulesOf('vendor/m')).toEqual(byName)
  expect(await rulesOf('other')).toEqual([])
  await tracker.close()
})

test('a sidecar with many keys answers its last evaluation, and one with few evaluates for each answer', async () => {
  await using folder = await temporaryFolder()
  let evaluated: EvaluatedAlerts | undefined
  const tracker = new AgentPerformanceTracker({
    store: join(folder.path, 'agents.json'),
    evaluatedAlerts: () => evaluated,
  })
  const nowMs = Date.now()
  await record(tracker, nowMs)
  const ask = async (): Promise<{ readonly rules: readonly string[]; readonly ageMs: number }> => {
    const { alerts, evaluated_at } = await tracker.ask('alerts', {})
    return { rules: alerts.map(({ rule }) => rule), ageMs: Date.now() - Date.parse(evaluated_at) }
  }
  evaluated = { alerts: [], atMs: nowMs - 30_000 }
  const ofFew = await ask()
  expect(ofFew.rules).toEqual(['AgentOverconfident'])
  expect(ofFew.ageMs).toBeLessThan(30_000)

  const key = { agent_name: 'other', model_name: 'm', success: true, time_seconds: 1 }
  await tracker.recordAttempts(Array.from({ length: 1000 }, (_, i) => ({ ...key, issue_type: `${i}` })))
  const ofMany = await ask()
  expect(ofMany.rules).toEqual([])
  expect(ofMany.ageMs).toBeGreaterThanOrEqual(30_000)
  // A sidecar that could not evaluate for a while must not answer what has long been over.
  evaluated = { alerts: [], atMs: nowMs - 61_000 }
  expect((await ask()).rules).toEqual(['AgentOverconfident'])
  evaluated = undefined
  expect((await ask()).rules).toEqual(['AgentOverconfident'])
  await tracker.close()
})
