/** Times evaluations of the alert rules in a process that does nothing else. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createTally, type Tally } from '../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../src/core/aggregate/time-tiers.ts'
import { DEFAULT_ALERT_SETTINGS } from '../../src/core/alerts/alert.ts'
import { type AlertSource, findAlerts } from '../../src/core/alerts/find-alerts.ts'
import { createAlertsState } from '../../src/core/alerts/lifecycle.ts'
import { runYielding } from '../../src/lib/event-loop.ts'
import { createAnswers } from '../../src/store/engine/answers.ts'
import { attemptOf } from '../support/attempts.ts'
import { median } from '../support/statistics.ts'

const KEYS = 10_000
const ATTEMPTS_PER_KEY = 120
/** Keys with attempts between two evaluations where few change. */
const FEW = 100
const DAYS = 10
const INTERVAL_MS = 30_000
const ROUNDS = 5

/** Medians in milliseconds. */
export interface AlertTimes {
  /** CPU of an evaluation that has nothing of earlier ones. */
  readonly firstMs: number
  /** CPU where 100 keys, and where all keys changed since the one before. */
  readonly fewMs: number
  readonly allMs: number
  /** The longest that the event loop was blocked in one of them. The very first is left out. */
  readonly stallMs: number
}

export async function alerts(): Promise<AlertTimes> {
  let nowMs = Date.now() - DAYS * 86_400_000
  const tally = createTally({ maxKeys: KEYS, maxArms: 0, tiers: DEFAULT_TIERS })
  const stepMs = (Date.now() - nowMs) / (KEYS * ATTEMPTS_PER_KEY)
  for (let at = 0; at < KEYS * ATTEMPTS_PER_KEY; at++) {
    nowMs += stepMs
    add(tally, at % KEYS, nowMs)
  }
  const source = sourceOf(tally, () => nowMs)
  // A list that no evaluation has seen.
  const unknown: AlertSource = { ...source, summaries: async (...asked) => [...(await source.summaries(...asked))] }
  const times: Record<'first' | 'few' | 'all', number[]> = { first: [], few: [], all: [] }
  const stalls: number[] = []
  async function evaluate(of: AlertSource, into: keyof typeof times): Promise<void> {
    nowMs += INTERVAL_MS
    const { cpuMs, stallMs } = await timed(() => findAlerts(of, DEFAULT_ALERT_SETTINGS, nowMs, runYielding))
    times[into].push(cpuMs)
    stalls.push(stallMs)
  }
  for (let round = 0; round < ROUNDS; round++) {
    await evaluate(unknown, 'first')
    // Nothing is compiled yet in the very first one.
    if (round === 0) stalls.length = 0
    for (let key = 0; key < KEYS; key++) add(tally, key, nowMs)
    await evaluate(source, 'all')
    for (let key = 0; key < FEW; key++) add(tally, (key * KEYS) / FEW + round, nowMs)
    await evaluate(source, 'few')
  }
  return {
    firstMs: median(times.first),
    fewMs: median(times.few),
    allMs: median(times.all.slice(1)),
    stallMs: median(stalls),
  }
}

function add(tally: Tally, key: number, ms: number): void {
  tally.add({ ...attemptOf(key), cost_usd: 0.1, timestamp: '' }, { ms, local: false }, ms)
}

const sourceOf = (tally: Tally, clock: () => number): AlertSource => ({
  ...createAnswers({
    tally,
    alerts: createAlertsState(),
    clock,
    list: () => Promise.reject(new Error('no attempt is listed')),
    isClosed: () => false,
  }),
  health: () => ({ writable: true }),
})

async function timed(work: () => Promise<unknown>): Promise<{ readonly cpuMs: number; readonly stallMs: number }> {
  globalThis.gc?.()
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  // A stall at the end is counted by the next iteration only.
  await new Promise(resolve => setTimeout(resolve, 5))
  delays.disable()
  return { cpuMs: (user + system) / 1000, stallMs: Math.max(0, delays.max / 1e6 - 1) }
}
