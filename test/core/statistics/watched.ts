/** A tally of simulated attempts, as the sidecar records them, and a counter of alarms. */

import { createTally } from '../../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../../src/core/ports.ts'

export const MINUTE_MS: number = 60_000

export interface Watched {
  /** Records one attempt, a minute after the one before. */
  attempt(agent_name: string, issue_type: string, success: boolean): void
  /** Records one attempt at its own time, in minutes. */
  attemptAt(minute: number, agent_name: string, issue_type: string, success: boolean): void
  keys(agent_name?: string): readonly KeySummary[]
}

export function createWatched(): Watched {
  const tally = createTally({ maxKeys: 1000, maxArms: 0, tiers: [] })
  let minutes = 0
  function attemptAt(minute: number, agent_name: string, issue_type: string, success: boolean): void {
    const ms = minute * MINUTE_MS
    const attempt = { agent_name, model_name: 'm', issue_type, success, confidence: null, time_seconds: 1 }
    tally.add({ ...attempt, timestamp: new Date(ms).toISOString() }, { ms, local: false }, ms)
  }
  return {
    attemptAt,
    attempt: (agent_name, issue_type, success) => attemptAt(++minutes, agent_name, issue_type, success),
    keys: agent_name => tally.keys(agent_name === undefined ? {} : { agent_name }),
  }
}

/** Counts alarms. An alarm that returns within `apart` looks counts as the same one. */
export function createAlarms(apart: number): { look(alarm: boolean): boolean; readonly count: number } {
  let [looks, last, count] = [0, Number.NEGATIVE_INFINITY, 0]
  return {
    /** Returns whether a new alarm begins. */
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
