/** Attempts of made-up agents in a tally, and the alerts that the rules find in it. */
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { type Alert, type AlertSettings, alertId, DEFAULT_ALERT_SETTINGS } from '../../../src/core/alerts/alert.ts'
import { type AlertSource, findAlerts } from '../../../src/core/alerts/find-alerts.ts'
import type { AlertRuleName } from '../../../src/core/alerts/rules.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import type { KeySummary, StoreHealth } from '../../../src/core/ports.ts'
import { runToCompletion } from '../../../src/core/steps.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000
/** A Wednesday. */
export const START_MS: number = Date.UTC(2026, 3, 1)

export interface World {
  /** The time of the next evaluation. */
  nowMs: number
  health: StoreHealth
  /** Records an attempt that ended at `atMs`, now by default. */
  attempt(given: Partial<AgentAttempt>, atMs?: number): void
  /** Records an outcome, now, of an attempt that ended at `atMs` and has no other one. `given` is as it was recorded. */
  outcome(given: Partial<AgentAttempt>, atMs: number, success: boolean): void
  /** Evaluates all rules. Those that fire are known at the next evaluation, unless `isStateless`. */
  alerts(settings?: AlertSettings, options?: { readonly isStateless?: boolean }): Promise<readonly Alert[]>
  /** The alerts of one rule. */
  of(rule: AlertRuleName, settings?: AlertSettings): Promise<readonly Alert[]>
  readonly firing: Map<string, number>
  readonly source: AlertSource
  keys(): readonly KeySummary[]
}

export function createWorld({
  maxKeys = 1000,
  maxArms = 100,
}: {
  readonly maxKeys?: number
  readonly maxArms?: number
} = {}): World {
  const tally = createTally({ maxKeys, maxArms, tiers: DEFAULT_TIERS })
  const firing = new Map<string, number>()
  const source: AlertSource = {
    summaries: async (range, filter = {}, _signal = undefined, view = 'latest') =>
      range !== undefined
        ? [...tally.ranged(range, filter, world.nowMs, view)]
        : view === 'latest'
          ? tally.keys(filter)
          : runToCompletion(tally.viewedSteps(filter, view)),
    clip: range => tally.times.clip(range, world.nowMs),
    arms: async experiment =>
      runToCompletion(tally.armSteps(experiment, { range: undefined, filter: {} }, world.nowMs)),
    experiments: () => [...new Set([...tally.arms().map(({ experiment }) => experiment), ...tally.plans.keys()])],
    experimentPlan: experiment => tally.plans.get(experiment),
    usage: () => ({ keys: tally.keyCount, maxKeys, arms: tally.arms().length, maxArms }),
    health: () => world.health,
    firingAlerts: () => firing,
  }
  const world: World = {
    nowMs: START_MS,
    health: { writable: true },
    firing,
    source,
    keys: () => tally.keys(),
    attempt(given, atMs = world.nowMs) {
      const timestamp = printTimestamp({ ms: atMs, local: false })
      tally.add({ ...ATTEMPT, ...given, timestamp }, { ms: atMs, local: false }, world.nowMs)
    },
    outcome(given, atMs, success) {
      const at = { ms: atMs, local: false }
      const attempt = { ...ATTEMPT, ...given, success, timestamp: printTimestamp(at) }
      const { success: reported } = { ...ATTEMPT, ...given }
      const delayMs = world.nowMs - atMs
      tally.decide({ attempt, ms: atMs, reported, before: undefined, delayMs }, at, world.nowMs)
    },
    async alerts(settings = DEFAULT_ALERT_SETTINGS, { isStateless = false } = {}) {
      const found = await findAlerts(source, settings, world.nowMs, async steps => runToCompletion(steps))
      if (!isStateless) remember(firing, found, world.nowMs)
      return found
    },
    of: async (rule, settings) => (await world.alerts(settings)).filter(alert => alert.rule === rule),
  }
  return world
}

const ATTEMPT = {
  agent_name: 'a',
  model_name: 'm',
  issue_type: 'i',
  success: true,
  confidence: null,
  time_seconds: 1,
}

function remember(firing: Map<string, number>, found: readonly Alert[], nowMs: number): void {
  const ids = new Set(found.map(alertId))
  for (const id of firing.keys()) if (!ids.has(id)) firing.delete(id)
  for (const id of ids) if (!firing.has(id)) firing.set(id, nowMs)
}

/** Settings with one target, or with settings of rules. */
export const settingsOf = (given: Partial<AlertSettings>): AlertSettings => ({ ...DEFAULT_ALERT_SETTINGS, ...given })

/** Whether the `i`-th of attempts succeeds, so that `percent` of them do, evenly. */
export const evenly = (i: number, percent: number): boolean =>
  Math.floor(((i + 1) * percent) / 100) > Math.floor((i * percent) / 100)
