/** Forty attempts. The examples of /openapi.json are computed from them by the questions, so that they are always correct. */
import { createTally, type Tally } from '../core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import { runToCompletion } from '../core/steps.ts'
import type { Facts } from '../questions/question.ts'

const MINUTE_MS = 60_000
/** The time of the examples, in milliseconds since the epoch. */
export const EXAMPLE_NOW_MS: number = Date.UTC(2026, 0, 31, 12)

const KEYS = [
  { agent_name: 'RefactoringAgent', model_name: 'claude-sonnet-4', issue_type: 'complexity' },
  { agent_name: 'ArchitectAgent', model_name: 'gpt-5', issue_type: 'complexity' },
] as const

/** Two agents in turn over two hours: 17 and 12 of 20 succeed. Each tries both variants of an experiment. */
const ATTEMPTS: readonly AgentAttempt[] = Array.from({ length: 40 }, (_, i) => ({
  timestamp: printTimestamp({ ms: EXAMPLE_NOW_MS - (40 - i) * 3 * MINUTE_MS, local: false }),
  ...KEYS[i % 2]!,
  success: i % 2 === 0 ? i % 12 !== 6 : i % 5 < 3,
  confidence: i % 2 === 0 ? 0.85 : 0.7,
  time_seconds: i % 2 === 0 ? 2.5 : 4,
  cost_usd: i % 2 === 0 ? 0.02 : 0.03,
  experiment: 'prompt',
  variant: i % 4 < 2 ? 'short' : 'long',
}))

/** The attempts as questions read a store. */
export function exampleFacts(): Facts {
  const tally = countedAttempts()
  return {
    summaries: async (range, filter = {}) =>
      range === undefined ? tally.keys(filter) : [...tally.ranged(range, filter, EXAMPLE_NOW_MS)],
    arms: async (experiment, range, filter = {}) =>
      runToCompletion(tally.armSteps(experiment, { range, filter }, EXAMPLE_NOW_MS)),
    experiments: () => ['prompt'],
    experimentPlan: () => undefined,
    overflowedArms: async () => ({ own: 0, unknown: 0 }),
    coverage: sinceMs => tally.times.coverage(sinceMs, EXAMPLE_NOW_MS),
    asOf: () => undefined,
    health: () => ({ writable: true }),
    usage: () => ({ keys: 2, maxKeys: 10, arms: 2, maxArms: 10 }),
    firingAlerts: () => new Map(),
    clip: range => tally.times.clip(range, EXAMPLE_NOW_MS),
    attempts: async ({ limit }) => ({ attempts: ATTEMPTS.toReversed().slice(0, limit), next_cursor: null }),
  }
}

function countedAttempts(): Tally {
  const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
  for (const attempt of ATTEMPTS) tally.add(attempt, parseTimestamp(attempt.timestamp)!, EXAMPLE_NOW_MS)
  return tally
}
