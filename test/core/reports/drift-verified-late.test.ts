/** Drift of agents whose attempts are verified a while after they were recorded. */
import { expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'
import { createSeries } from '../../../src/core/aggregate/series.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { createAlertsState } from '../../../src/core/alerts/lifecycle.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { apply, type FoldState } from '../../../src/core/fold.ts'
import { judgedUntilMs, watchAgent, watchKey } from '../../../src/core/reports/drift-watch.ts'
import type { Drift } from '../../../src/core/statistics/drift.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const MINUTE_MS = 60_000

function newState(): FoldState {
  return {
    tally: createTally({ maxKeys: 10, maxArms: 3, tiers: DEFAULT_TIERS }),
    series: createSeries({ limit: 10, keepMs: 1000 }),
    alerts: createAlertsState(),
    ids: createDedupWindow({ limit: 100_000, keepMs: 1e12, seed: [1, 2] }),
  }
}

interface History {
  readonly seed: string
  readonly attempts: number
  /** The share of reported and of true successes of the i-th attempt. */
  readonly reported: (i: number) => number
  readonly verified: (i: number) => number
  /** By how many attempts outcomes are late. Undefined without outcomes. */
  readonly delay: number | undefined
}

/** The drifts of the key and of the agent, each time the numbers are looked at: every tenth attempt. */
function looksAt({ seed, attempts, reported, verified, delay }: History): (Drift | null)[] {
  const random = createRandom(seed)
  const state = newState()
  const list: { readonly attempt: AgentAttempt; readonly ms: number; readonly truth: boolean }[] = []
  const looks: (Drift | null)[] = []
  for (let i = 0; i < attempts; i++) {
    const ms = NOW_MS + i * MINUTE_MS
    const names = { agent_name: 'a', model_name: 'm', issue_type: 'i', attempt_id: `id ${i}` }
    const attempt = { ...names, success: random() < reported(i), time_seconds: 1, timestamp: '' }
    list.push({ attempt, ms, truth: random() < verified(i) })
    const times = { nowMs: ms, idMs: ms }
    apply(state, { kind: 'attempt', ...times, attempt, at: { ms, local: false } })
    const late = delay === undefined ? undefined : list[i - delay]
    if (late !== undefined) {
      const counts = { success: late.truth, source: 'ci' }
      const outcome = { attempt_id: late.attempt.attempt_id!, ...counts }
      const at = { ms: late.ms, local: false }
      apply(state, { kind: 'outcome', ...times, outcome, revision: 1, attempt: late.attempt, at, standing: [], counts })
    }
    if (i % 10 > 0) continue
    const [key] = state.tally.keys()
    looks.push(watchKey(key!, 1), watchAgent([key!], 1))
  }
  return looks
}

const HISTORIES = 20

/** In how many histories any look sees a drift in this direction. */
function seenIn(direction: 'up' | 'down', history: Omit<History, 'seed'>): number {
  const histories = Array.from({ length: HISTORIES }, (_, i) => looksAt({ seed: `verified late ${i}`, ...history }))
  return histories.filter(looks => looks.some(drift => drift?.direction === direction)).length
}

// At most one false alarm in 2,000 attempts, up or down, is promised: 5 of 20 histories of 500 attempts.
test.each([1, 60])(
  'an agent that claims more than is true does not seem to rise while its last %i attempts are not verified yet',
  delay => {
    const steady = { attempts: 500, reported: () => 0.95, verified: () => 0.66, delay }
    expect(seenIn('up', steady)).toBeLessThanOrEqual(5)
  },
)

test('a fall is found when it is verified, although the agent reports the same as before', () => {
  const fall = { attempts: 600, reported: () => 0.95, verified: (i: number) => (i < 300 ? 0.9 : 0.5), delay: 60 }
  expect(seenIn('down', fall)).toBe(HISTORIES)
})

test('without outcomes, and when none of the last 100 attempts is verified any more, all attempts count', () => {
  const state = newState()
  const add = (i: number): void => {
    const attempt = { agent_name: 'a', model_name: 'm', issue_type: 'i', attempt_id: `${i}`, time_seconds: 1 }
    const ms = NOW_MS + i * MINUTE_MS
    const record = { attempt: { ...attempt, success: true, timestamp: '' }, at: { ms, local: false } }
    apply(state, { kind: 'attempt', nowMs: ms, idMs: ms, ...record })
    if (i !== 5) return
    const counts = { success: false, source: 'ci' }
    const outcome = { attempt_id: '5', ...counts }
    apply(state, { kind: 'outcome', nowMs: ms, idMs: ms, outcome, revision: 1, standing: [], counts, ...record })
  }
  const until = (): number => judgedUntilMs(state.tally.keys()[0]!)
  for (let i = 0; i < 5; i++) add(i)
  expect(until()).toBe(Number.POSITIVE_INFINITY)
  for (let i = 5; i < 105; i++) add(i)
  expect(until()).toBe(NOW_MS + 5 * MINUTE_MS + 1)
  for (let i = 105; i < 120; i++) add(i)
  expect(until()).toBe(Number.POSITIVE_INFINITY)
})
