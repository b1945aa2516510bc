/** Engines on a memory log, and what their tests share. */
import { recentResults } from '../../../src/core/aggregate/recent.ts'
import { createSeries, MAX_SERIES } from '../../../src/core/aggregate/series.ts'
import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS, type TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import { type AgentAttempt, keyId } from '../../../src/core/attempt/attempt.ts'
import type { Limits, Outcome } from '../../../src/core/fold.ts'
import type { Log } from '../../../src/core/log.ts'
import type { Clock, Store } from '../../../src/core/ports.ts'
import { type Engine, openEngine } from '../../../src/store/engine/engine.ts'
import type { EngineTimes } from '../../../src/store/engine/options.ts'
import type { Spool } from '../../../src/store/engine/spool.ts'
import type { Logger } from '../../../src/store/logger.ts'

export const NOW: number = Date.parse('2026-03-01T12:00:00Z')

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export interface TestEngineOptions {
  readonly clock?: Clock
  readonly monotonic?: Clock
  readonly logger?: Logger
  readonly times?: Partial<EngineTimes>
  readonly tiers?: readonly TierOptions[]
  readonly spool?: Spool
  readonly onNewerRecord?: (error: Error) => void
  readonly raiseTo?: Limits
  readonly outcomeSources?: readonly string[]
}

/** Opens an engine whose retries take a millisecond. */
export function openOn(
  log: Log,
  {
    clock = () => NOW,
    monotonic,
    logger = SILENT,
    times,
    tiers = DEFAULT_TIERS,
    spool,
    onNewerRecord,
    raiseTo,
    outcomeSources,
  }: TestEngineOptions = {},
): Promise<Engine> {
  return openEngine({
    log,
    clock,
    monotonic,
    logger,
    spool,
    onNewerRecord,
    raiseTo,
    outcomeSources,
    tally: createTally({ maxKeys: 1000, maxArms: 100, tiers }),
    series: createSeries({ limit: MAX_SERIES, keepMs: 86_400_000 }),
    times: { firstMs: 1, lastMs: 4, pollMs: 1, stuckMs: 50, expireMs: Number.POSITIVE_INFINITY, ...times },
  })
}

/** The attempt number `id`. */
export function attempt(id: number | string, more: Partial<AgentAttempt> = {}): AgentAttempt {
  return {
    agent_name: 'fixer',
    model_name: 'llama3:8b',
    issue_type: 'security',
    success: true,
    confidence: 0.8,
    time_seconds: 1.5,
    timestamp: '2026-03-01T11:59:30Z',
    attempt_id: `id ${id}`,
    ...more,
  }
}

export async function countedIn(store: Store): Promise<number> {
  return (await store.summaries()).reduce((sum, one) => sum + totalAttempts(one.summary), 0)
}

export async function idsIn(store: Store): Promise<string[]> {
  return (await store.attempts({ limit: 1000 })).attempts.map(one => one.attempt_id ?? '').sort()
}

/** What becomes of one outcome. */
export async function recordOutcome(
  store: Pick<Store, 'appendOutcomes'>,
  outcome: Outcome,
): Promise<'accepted' | 'duplicate' | 'unknown'> {
  const { accepted, duplicates, unknown } = await store.appendOutcomes([outcome])
  if (accepted + duplicates + unknown.length !== 1) throw new Error('one outcome has one answer')
  return accepted === 1 ? 'accepted' : duplicates === 1 ? 'duplicate' : 'unknown'
}

/** Every answer of a store, as text: equal texts are equal to the last bit. */
export async function answersOf(store: Store): Promise<string> {
  const rows = (await store.summaries()).map(({ key, summary, recent }) => [
    keyId(key),
    [...summary],
    [...recentResults(recent, key)],
  ])
  const ranges = []
  for (const hours of [1, 26, 24 * 90]) {
    const range = { sinceMs: NOW - hours * 3_600_000, untilMs: NOW + 3_600_000 }
    ranges.push((await store.summaries(range)).map(({ key, summary }) => [keyId(key), [...summary]]))
  }
  const arms = (await store.arms('prompt')).map(({ variant, summary }) => [variant, [...summary]])
  return JSON.stringify({ rows, ranges, arms, listed: (await store.attempts({ limit: 1000 })).attempts })
}
