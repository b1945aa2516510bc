/** Answers questions from the state and the log, unless the store is closed. */
import type { Tally } from '../../core/aggregate/tally.ts'
import { type AlertsState, firingStarts } from '../../core/alerts/lifecycle.ts'
import {
  type AttemptPage,
  type AttemptQuery,
  type Clock,
  RangeNotHeld,
  type StoreQueries,
  StoreUnavailable,
  type TimeRange,
} from '../../core/ports.ts'
import { runYielding } from '../../lib/event-loop.ts'

export interface AnswersOptions {
  readonly tally: Tally
  readonly alerts: Readonly<AlertsState>
  readonly clock: Clock
  readonly list: (query: AttemptQuery) => Promise<AttemptPage>
  readonly isClosed: () => boolean
}

export function createAnswers({ tally, alerts, clock, list, isClosed }: AnswersOptions): StoreQueries {
  function refuseClosed(): void {
    if (isClosed()) throw new StoreUnavailable('the store is closed', { reason: 'closed' })
  }
  function refuseUnheld({ sinceMs }: TimeRange, nowMs: number): void {
    const { earliestMs } = tally.times.coverage(sinceMs, nowMs)
    if (sinceMs < earliestMs) throw new RangeNotHeld(earliestMs)
  }
  return {
    async summaries(range, filter = {}, signal, view = 'latest') {
      refuseClosed()
      if (range === undefined && view === 'latest') return tally.keys(filter)
      if (range === undefined) return await runYielding(tally.viewedSteps(filter, view), signal)
      const nowMs = clock()
      refuseUnheld(range, nowMs)
      return await runYielding(tally.rangedSteps(range, filter, nowMs, view), signal)
    },
    async arms(experiment, range, filter = {}, signal, view = 'latest') {
      refuseClosed()
      const nowMs = clock()
      if (range !== undefined) refuseUnheld(range, nowMs)
      return await runYielding(tally.armSteps(experiment, { range, filter, view }, nowMs), signal)
    },
    async overflowedArms(experiment, range, filter) {
      refuseClosed()
      const nowMs = clock()
      if (range !== undefined) refuseUnheld(range, nowMs)
      return tally.overflowedArms(experiment, range, nowMs, filter)
    },
    experiments() {
      refuseClosed()
      return [...new Set([...tally.arms().map(({ experiment }) => experiment), ...tally.plans.keys()])]
    },
    experimentPlan: experiment => tally.plans.get(experiment),
    coverage: sinceMs => tally.times.coverage(sinceMs, clock()),
    clip: range => tally.times.clip(range, clock()),
    usage: () => ({
      keys: tally.keyCount,
      maxKeys: tally.currentLimits.maxKeys,
      arms: tally.arms().length,
      maxArms: tally.currentLimits.maxArms,
    }),
    firingAlerts: () => firingStarts(alerts),
    async attempts(query) {
      refuseClosed()
      return await list(query)
    },
  }
}
