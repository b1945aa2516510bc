/** Agents whose attempts are counted as the sidecar counts them, and looked at as it looks at them. */

import { createTally } from '../../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../../src/core/ports.ts'

export const MINUTE_MS: number = 60_000

export interface Watched {
  /** Counts one more attempt, a minute after the one before. */
  attempt(agent_name: string, issue_type: string, success: boolean): void
  keys(agent_name?: string): readonly KeySummary[]
}

export function createWatched(): Watched {
  const tally = createTally({ maxKeys: 1000, maxArms: 0, tiers: [] })
  let minutes = 0
  return {
    attempt(agent_name, issue_type, success) {
      const ms = ++minutes * MINUTE_MS
      const attempt = { agent_name, model_name: 'm', issue_type, success, confidence: null, time_seconds: 1 }
      tally.add({ ...attempt, timestamp: new Date(ms).toISOString() }, { ms, local: false }, ms)
    },
    keys: agent_name => tally.keys(agent_name === undefined ? {} : { agent_name }),
  }
}

/** Counts alarms: one that comes back within `apart` looks is the same. */
export function createAlarms(apart: number): { look(alarm: boolean): boolean; readonly count: number } {
  let [looks, last, count] = [0, Number.NEGATIVE_INFINITY, 0]
  return {
    /** Whether a new one begins. */
    look(alarm) {
      looks++
      if (!alarm) return false
      const begins = looks - last > apart
      last = looks
      if (begins) count++
      return begins
    },
    get count() {
      return count
    },
  }
}
