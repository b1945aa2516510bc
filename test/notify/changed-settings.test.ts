/** Alerts that fire again, and settings that change while one fires: the rules, the notifier and the log of the store together. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AlertSettings } from '../../src/core/alerts/alert.ts'
import { findAlerts } from '../../src/core/alerts/find-alerts.ts'
import { firingStarts } from '../../src/core/alerts/lifecycle.ts'
import { isMuted } from '../../src/core/alerts/mute.ts'
import { runToCompletion } from '../../src/core/steps.ts'
import type { Notification } from '../../src/notify/notification.ts'
import { createNotifier, type Notifier } from '../../src/notify/notifier.ts'
import type { Engine } from '../../src/store/engine/engine.ts'
import { createWorld, evenly, MINUTE_MS, settingsOf, type World } from '../core/alerts/world.ts'
import { openOn } from '../store/engine/engines.ts'
import { createMemoryServer, type MemoryServer } from '../store/memory-log.ts'

const INTERVAL = 30_000

let server: MemoryServer
let world: World
/** `status rule severity owner key`, in the order in which they were sent. */
let sent: string[]
let keys: string[]
let close: () => Promise<unknown>

beforeEach(() => {
  server = createMemoryServer()
  world = createWorld()
  sent = []
  keys = []
  close = async () => undefined
})
afterEach(() => close())

const SINK = {
  name: 'ops',
  type: 'webhook',
  maxBatch: 1,
  isRefreshed: false,
  async send(notifications: readonly Notification[]) {
    for (const { status, labels, key } of notifications) {
      sent.push([status, labels.get('alertname'), labels.get('severity'), labels.get('owner')].join(' ').trim())
      keys.push(key)
    }
    return { status: 'sent' } as const
  },
}

/** Starts a sidecar with these settings, in place of the one before, and evaluates a few times. */
async function startWith(settings: AlertSettings): Promise<() => Promise<void>> {
  await close()
  const engine: Engine = await openOn(server.open(), { clock: () => world.nowMs })
  const source = { ...world.source, firingAlerts: () => firingStarts(engine.alerts.state) }
  const notifier: Notifier = createNotifier({
    evaluate: nowMs => findAlerts(source, settings, nowMs, async steps => runToCompletion(steps)),
    isMuted: (alert, nowMs) => isMuted(alert, settings.mutes, nowMs),
    alerts: engine.alerts,
    sinks: [SINK],
    baseUrl: 'http://127.0.0.1:9464/',
    intervalMs: INTERVAL,
    repeatMs: undefined,
    log: { info: () => undefined, warn: () => undefined } as never,
    clock: () => world.nowMs,
    monotonic: () => world.nowMs,
    pause: async () => undefined,
  })
  close = async () => {
    await notifier.close()
    await engine.close()
  }
  async function evaluate(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      world.nowMs += INTERVAL
      await notifier.tick()
      await notifier.idle()
    }
  }
  await evaluate()
  return evaluate
}

/** Attempts of an agent, a minute apart, of which so many percent succeed. */
function attempts(count: number, percent: number): void {
  for (let i = 0; i < count; i++, world.nowMs += MINUTE_MS)
    world.attempt({ agent_name: 'fixer', model_name: 'gpt', success: evenly(i, percent) })
}

const target = (minSuccessRate: number, label: 'agent_name' | 'model_name' = 'agent_name'): AlertSettings =>
  settingsOf({
    rules: new Map([
      ['AgentSuccessDrift', { isEnabled: false }],
      ['AgentSuccessRose', { isEnabled: false }],
    ]),
    targets: [{ labels: new Map([[label, label === 'agent_name' ? 'fixer' : 'gpt']]), minSuccessRate }],
  })

/** The same settings, with more of AgentMissesTarget. */
const withRule = (settings: AlertSettings, rule: object): AlertSettings => ({
  ...settings,
  rules: new Map([...settings.rules, ['AgentMissesTarget', rule]]),
})

const [FIRING, RESOLVED] = ['firing AgentMissesTarget critical', 'resolved AgentMissesTarget critical']

test.each(['agent_name', 'model_name'] as const)(
  'an alert about the %s that fires, ends and fires again is sent three times, as two alerts',
  async label => {
    attempts(100, 30)
    const evaluate = await startWith(target(80, label))
    expect(sent).toEqual([FIRING])
    attempts(600, 100)
    await evaluate()
    expect(sent).toEqual([FIRING, RESOLVED])
    attempts(300, 10)
    await evaluate()
    expect(sent).toEqual([FIRING, RESOLVED, FIRING])
    expect(new Set(keys).size).toBe(3)
    // A restart sends nothing again.
    await startWith(target(80, label))
    expect(sent).toHaveLength(3)
  },
)

test('an alert keeps the severity and the owner of its beginning when both are changed, so that its end is that of the same alert', async () => {
  attempts(100, 30)
  await startWith(withRule(target(80), { owner: 'team-a' }))
  const evaluate = await startWith(withRule(target(80), { severity: 'info', owner: 'team-b' }))
  expect(sent).toEqual([`${FIRING} team-a`])
  attempts(600, 100)
  await evaluate()
  expect(sent).toEqual([`${FIRING} team-a`, `${RESOLVED} team-a`])
  attempts(300, 10)
  await evaluate()
  expect(sent.slice(2)).toEqual(['firing AgentMissesTarget info team-b'])
})

test.each([
  ['its rule is switched off', withRule(target(80), { isEnabled: false })],
  ['its target is removed', { ...target(80), targets: [] }],
  ['its target is lowered below the rate', target(20)],
])('an alert ends once when %s while it fires, and is not sent again by later starts', async (_, settings) => {
  attempts(100, 30)
  await startWith(target(80))
  expect(sent).toEqual([FIRING])
  await startWith(settings)
  expect(sent).toEqual([FIRING, RESOLVED])
  await startWith(settings)
  expect(sent).toHaveLength(2)
})

test('an alert whose target is raised while it fires goes on, and is not sent again', async () => {
  attempts(100, 30)
  await startWith(target(80))
  await startWith(target(95))
  expect(sent).toEqual([FIRING])
})

test('an alert that is muted while it fires is not sent again when the mute ends, and its end is sent also while it is muted', async () => {
  attempts(100, 30)
  await startWith(target(80))
  const muted = { ...target(80), mutes: [{ labels: new Map([['agent_name', 'fixer']]) }] }
  await startWith(muted)
  await startWith(target(80))
  expect(sent).toEqual([FIRING])
  const evaluate = await startWith(muted)
  attempts(600, 100)
  await evaluate()
  expect(sent).toEqual([FIRING, RESOLVED])
  // What begins while it is muted is sent when the mute ends.
  attempts(300, 10)
  await evaluate()
  expect(sent).toHaveLength(2)
  await startWith(target(80))
  expect(sent).toEqual([FIRING, RESOLVED, FIRING])
})
