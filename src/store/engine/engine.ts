/** The engine: a store over any log. It commits in groups, drops duplicates, folds, retries, schedules snapshots and publishes events. */

import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import type { Series } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { type AlertLog, createAlertsState } from '../../core/alerts/lifecycle.ts'
import type { KeptEvents } from '../../core/events.ts'
import { applyLimits, type FoldState, type Limits } from '../../core/fold.ts'
import { isShared, type Position } from '../../core/log.ts'
import type { Advisory, Store, StoreHealth } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { createAnswers } from './answers.ts'
import { logChangedSettings } from './changed-settings.ts'
import type { EngineOptions, Folded, View } from './options.ts'
import { createOutcomes, type Outcomes } from './outcomes.ts'
import { createParts, followLog, type Parts } from './parts.ts'
import type { Pending } from './queue.ts'
import { type RestoreOptions, restoreState } from './restore.ts'
import type { WriteCounters } from './snapshots.ts'
import { appendAlert, appendLimits, appendPlan, appendPoints, appendReset } from './turns.ts'

/** How often old groups are deleted although nothing is recorded, in milliseconds. */
const EXPIRE_MS = 3_600_000

export interface Engine extends Store {
  readonly events: KeptEvents
  readonly pending: Pending
  readonly snapshotCounters: Readonly<WriteCounters>
  readonly alerts: AlertLog
  /** Requests a snapshot now. */
  requestSnapshot(): void
  /** Appends what an earlier process spooled, in the background. */
  startSpooling(): void
  /** See {@link appendLimits}. */
  raiseLimits(wanted: Limits): Promise<void>
  /** Runs `work` between two groups. Log and state do not change until it is done. */
  between<T>(work: () => Promise<T>): Promise<T>
  /** Keeps a view of the state up to date until the store is closed. */
  add(view: View): void
  /** The position of the folded state. */
  readonly position: Position
  /** The folded state. Only the engine changes it. */
  readonly state: Readonly<FoldState>
  /** Records that were read from the log and counted since it was opened. */
  readonly replayedRecords: number
  /** Whether the state was restored from a snapshot. */
  readonly hasSnapshot: boolean
  /** Folds groups that other writers appended. Rejects if the log cannot be read. */
  follow(): Promise<void>
}

/** Opens a store over a log: restores its newest snapshot and folds the groups after it. `tally` and `series` must be empty. */
export async function openEngine(
  options: EngineOptions &
    Pick<RestoreOptions, 'document' | 'hadSnapshot'> & { readonly tally: Tally; readonly series: Series },
): Promise<Engine> {
  const { log, tally, series } = options
  const { limits, seed } = log.info
  const state: FoldState = {
    tally,
    series,
    alerts: createAlertsState(),
    ids: createDedupWindow({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs, seed }),
  }
  const restored = await restoreState({ ...options, state })
  const engine = await startEngine(options, { state, ...restored })
  // Those of a shared log are in its records.
  if (!isShared(log.info)) applyLimits(state, limits)
  if (options.raiseTo !== undefined) await raiseLimits(engine, options.raiseTo, options.logger)
  engine.startSpooling()
  logChangedSettings(state.tally, restored.changes, options.logger)
  // With a new snapshot, the next start neither replays nor converts the same data again.
  if (engine.replayedRecords > 0 || restored.changes.length > 0) engine.requestSnapshot()
  return engine
}

/**
 * Folds the log from a position to its end, and keeps it folded. If that fails, no timer and no task is left behind. The caller closes the log
 * then.
 */
async function startEngine(options: EngineOptions, folded: Folded): Promise<Engine> {
  const { log, clock } = options
  const { state, hasSnapshot, records } = folded
  const views: View[] = []
  const parts = createParts(options, folded, views)
  const { commit, snapshots, follower, spooling, freshness, events } = parts
  let closing: Promise<void> | undefined
  const isClosed = (): boolean => closing !== undefined
  const follow = followLog(options, parts, isClosed)
  const outcomes = createOutcomes({ commit, log, state, order: options.outcomeSources ?? [] })
  try {
    await follow()
  } catch (error) {
    snapshots.stop()
    closing = commit.close()
    await closing
    await spooling?.close()
    throw error
  }
  const expiry = every(options.times?.expireMs ?? EXPIRE_MS, () => void snapshots.expire())

  async function close(): Promise<void> {
    clearInterval(expiry)
    spooling?.stop()
    await outcomes.close()
    await commit.close()
    await spooling?.close()
    await snapshots.close()
    for (const view of views) await view.close()
    await log.close()
  }

  return {
    ...createRecording(options, folded, parts, outcomes),
    ...createAnswers({ tally: state.tally, alerts: state.alerts, clock, list: query => log.page(query), isClosed }),
    asOf: freshness.asOf,
    events,
    pending: commit.pending,
    snapshotCounters: snapshots.counters,
    startSpooling: () => spooling?.start(),
    requestSnapshot: snapshots.request,
    between: commit.between,
    add: view => void views.push(view),
    state,
    get position() {
      return follower.position
    },
    get replayedRecords() {
      return records + follower.readRecords
    },
    hasSnapshot,
    follow,
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** The methods that write to the log, and `health`. */
function createRecording(
  { log, clock }: EngineOptions,
  { state }: Folded,
  { commit, snapshots, spooling }: Parts,
  outcomes: Pick<Outcomes, 'append'>,
): Pick<
  Engine,
  'append' | 'appendPoints' | 'putExperimentPlan' | 'reset' | 'raiseLimits' | 'health' | 'appendOutcomes' | 'alerts'
> {
  const turns = { commit, log, state, clock }
  return {
    append: commit.append,
    appendPoints: points => appendPoints(turns, points),
    async reset() {
      await appendReset(turns)
      snapshots.request()
      await snapshots.flush()
    },
    raiseLimits: wanted => appendLimits(turns, wanted),
    health() {
      const refused = commit.refusal()
      const health = withAdvisory(log.health(), spooling?.advisory())
      return refused === undefined ? health : { ...health, writable: false, reason: refused.message }
    },
    async putExperimentPlan(experiment, plan) {
      const refused = commit.refusal()
      if (refused !== undefined) throw refused
      return await appendPlan(turns, experiment, plan)
    },
    appendOutcomes: outcomes.append,
    alerts: {
      state: state.alerts,
      writer: isShared(log.info) ? log.info.writer : undefined,
      record: change => appendAlert(turns, change),
    },
  }
}

/** Before what was spooled is appended. A failure must not prevent the start. */
async function raiseLimits(engine: Pick<Engine, 'raiseLimits'>, limits: Limits, logger: Logger): Promise<void> {
  await engine
    .raiseLimits(limits)
    .catch(error => logger.warn('the limits of the store cannot be raised', { error: messageOf(error) }))
}

function withAdvisory(health: StoreHealth, advisory: Advisory | undefined): StoreHealth {
  return advisory === undefined ? health : { ...health, advisories: [...(health.advisories ?? []), advisory] }
}

function every(ms: number, work: () => void): NodeJS.Timeout | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : setInterval(work, ms).unref()
}
