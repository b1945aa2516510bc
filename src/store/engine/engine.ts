/**
 * The engine: a store over any log. It commits in groups, drops repeats, folds, retries, schedules snapshots and tells what was kept.
 * `createEngine` is long because it connects all parts.
 */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import type { Series } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { type AlertStatus, applyLimits, type FoldState, type Outcome } from '../../core/fold.ts'
import type { Log, Position } from '../../core/log.ts'
import type { Clock, Store } from '../../core/ports.ts'
import { createEvents, type KeptEvents } from '../events.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { createAnswers } from './answers.ts'
import { createAppender } from './appender.ts'
import { createBufferPool } from './buffer-pool.ts'
import { logChangedSettings } from './changed-settings.ts'
import { createFollower } from './follower.ts'
import { createGroupCommit } from './group-commit.ts'
import { createOutage, RETRY_TIMES, type RetryTimes } from './outage.ts'
import { CATCH_UP_TIMES, type CatchUpTimes, createOwnFold } from './own-fold.ts'
import { createCommitQueue, type Pending } from './queue.ts'
import { type Restored, type RestoreOptions, restoreState } from './restore.ts'
import { createSnapshots, type WriteCounters } from './snapshots.ts'
import { appendAlert, appendOutcome, appendPoints, appendReset, type OutcomeAnswer } from './turns.ts'

export interface EngineOptions {
  readonly log: Log
  readonly clock: Clock
  /** Milliseconds since some moment, by a clock that never jumps: ids age by it. Without one they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly logger: Logger
  /** Attempts that may wait for the log: 100,000. */
  readonly maxPendingAttempts?: number | undefined
  readonly times?: Partial<EngineTimes> | undefined
}

export interface EngineTimes extends RetryTimes, CatchUpTimes {
  /** How often what is too old is dropped though nothing is recorded. Infinity: never. */
  readonly expireMs: number
}

/** What a log folds into, up to a position. */
export interface Folded extends Pick<Restored, 'position' | 'hasSnapshot' | 'records'> {
  readonly state: FoldState
}

/** What else is made of the state, such as the document. */
export interface View {
  /** Something was folded, or the log can be written again. */
  changed(): void
  /** Makes it for the last time. */
  close(): Promise<void>
}

export interface Engine extends Store {
  readonly events: KeptEvents
  readonly pending: Pending
  readonly snapshotCounters: Readonly<WriteCounters>
  /** See {@link appendOutcome}. */
  recordOutcome(outcome: Outcome): Promise<OutcomeAnswer>
  /** See {@link appendAlert}. */
  recordAlert(alert: string, status: AlertStatus): Promise<boolean>
  /** Alerts that are firing, and since when in milliseconds since the epoch. */
  readonly alerts: ReadonlyMap<string, number>
  /** A snapshot is due now. */
  requestSnapshot(): void
  /** Runs `work` between two groups: log and state stand still until it is done. */
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
  /** Folds what other writers have appended. Rejects where the log cannot be read. */
  follow(): Promise<void>
}

/** Opens a store over a log: from its newest snapshot and what stands behind it. `tally` and `series` are empty. */
export async function openEngine(
  options: EngineOptions &
    Pick<RestoreOptions, 'document' | 'hadSnapshot'> & { readonly tally: Tally; readonly series: Series },
): Promise<Engine> {
  const { log, tally, series } = options
  const { limits, seed } = log.info
  const state: FoldState = {
    tally,
    series,
    alerts: new Map(),
    ids: createDedupWindow({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs, seed }),
  }
  const restored = await restoreState({ ...options, state })
  const engine = createEngine(options, { state, ...restored })
  await engine.follow()
  applyLimits(state, limits)
  logChangedSettings(state.tally, restored.changes, options.logger)
  // The next start then neither replays nor converts the same again.
  if (engine.replayedRecords > 0 || restored.changes.length > 0) engine.requestSnapshot()
  return engine
}

/** A store over a log that is folded up to its end, or a part of it: {@link Engine.follow} folds the rest. */
export function createEngine(options: EngineOptions, { state, position, hasSnapshot, records }: Folded): Engine {
  const { log, clock, logger, monotonic, maxPendingAttempts = 100_000 } = options
  const times = { ...RETRY_TIMES, ...CATCH_UP_TIMES, expireMs: 3_600_000, ...options.times }
  const pool = createBufferPool()
  const views: View[] = []
  const events = createEvents(error => logger.error('a listener failed', { error: messageOf(error) }))
  const outage = createOutage({
    log: logger,
    times,
    // While the group commit waits for it, nothing else is under way.
    recover: isAwaited => (isAwaited ? log.recover() : commit.between(() => log.recover())),
    // What failed may have been more than one write: from here on nothing older is needed.
    onRecovered() {
      snapshots.request()
      for (const view of views) view.changed()
    },
  })
  const follower = createFollower({
    log,
    state,
    position,
    logger,
    events,
    reload: async () => (await restoreState({ log, state, clock, logger, mustBeComplete: true })).position,
    onFolded(bytes) {
      snapshots.changed(bytes)
      for (const view of views) view.changed()
    },
  })
  const appender = createAppender(log, outage)
  const commit = createGroupCommit({
    log,
    state,
    clock,
    steadyClock: steadyClock(clock, monotonic),
    pool,
    queue: createCommitQueue(pool, maxPendingAttempts),
    appender,
    ownFold: createOwnFold({ appender, follower, outage, times }),
    outage,
    events,
  })
  const { between } = commit
  const snapshots = createSnapshots({ log, state, clock, logger, between, follower })
  const expiry = every(times.expireMs, () => void snapshots.expire())
  let closing: Promise<void> | undefined
  let isFollowing = false

  const follow = (): Promise<void> => between(async () => void (await follower.catchUp()))

  function fail(error: unknown): void {
    if (outage.error === undefined && closing === undefined) outage.begin(error)
  }

  /** Once however often it is asked for. */
  async function followSoon(): Promise<void> {
    if (isFollowing || closing !== undefined) return
    isFollowing = true
    // What is asked for from here on may come too late for this time.
    await between(async () => {
      isFollowing = false
      await follower.catchUp()
    }).catch(fail)
  }

  log.watch({ changed: () => void followSoon(), failed: fail, needsSnapshot: () => snapshots.request() })

  async function close(): Promise<void> {
    clearInterval(expiry)
    await commit.close()
    await snapshots.close()
    for (const view of views) await view.close()
    await log.close()
  }

  const turns = { commit, log, state, clock }
  return {
    append: commit.append,
    appendPoints: points => appendPoints(turns, points),
    async reset() {
      await appendReset(turns)
      snapshots.request()
      await snapshots.flush()
    },
    health() {
      const health = log.health()
      const refused = commit.refusal()
      return refused === undefined ? health : { ...health, writable: false, reason: refused.message }
    },
    ...createAnswers({
      tally: state.tally,
      clock,
      list: query => log.page(query),
      isClosed: () => closing !== undefined,
    }),
    recordOutcome: outcome => appendOutcome(turns, outcome),
    recordAlert: (alert, status) => appendAlert(turns, alert, status),
    alerts: state.alerts,
    events,
    pending: commit.pending,
    snapshotCounters: snapshots.counters,
    requestSnapshot: snapshots.request,
    between,
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

/** The time by `clock` as it was at first, and what has passed by `monotonic` since. Where that is not given, `clock` itself. */
function steadyClock(clock: Clock, monotonic: Clock | undefined): Clock {
  if (monotonic === undefined) return clock
  const offsetMs = clock() - monotonic()
  return () => offsetMs + monotonic()
}

function every(ms: number, work: () => void): NodeJS.Timeout | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : setInterval(work, ms).unref()
}
