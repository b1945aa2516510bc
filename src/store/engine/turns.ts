/** Appends whose content depends on all earlier records. Each runs with exclusive access to the log. */
import { isDeepStrictEqual } from 'node:util'
import { type ExperimentPlan, isSamePlan } from '../../core/aggregate/experiment-plan.ts'
import type { SeriesPoint } from '../../core/aggregate/series.ts'
import { type AlertChange, copyAlerts, wouldChange } from '../../core/alerts/lifecycle.ts'
import {
  type AlertRecord,
  apply,
  attemptsIn,
  type FoldState,
  type Limits,
  type LogRecord,
  limitsIn,
  type Outcome,
  type OutcomeRecord,
  type PlanRecord,
  type PointsRecord,
  raised,
  takePoints,
} from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import type { AppendedPoints, Clock } from '../../core/ports.ts'
import { alertJson, limitsJson, outcomeJson, planJson, pointsJson, resetJson } from '../record-json.ts'
import { encodeOne } from './call.ts'
import type { GroupCommit } from './group-commit.ts'

/** The maximum number of points in one record: some hundred kilobytes. */
const MAX_POINTS_PER_RECORD = 500

export interface TurnOptions {
  readonly commit: Pick<GroupCommit, 'runExclusive' | 'keep'>
  readonly log: Pick<Log, 'frame' | 'find' | 'leaveOut'>
  readonly state: FoldState
  readonly clock: Clock
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

export async function appendPoints(options: TurnOptions, points: readonly SeriesPoint[]): Promise<AppendedPoints> {
  const appended = { attempts: 0, refused: 0, late: 0 }
  for (let from = 0; from < points.length; from += MAX_POINTS_PER_RECORD) {
    const some = points.slice(from, from + MAX_POINTS_PER_RECORD)
    await options.commit.runExclusive(() => keepPoints(options, some, appended), true)
  }
  return appended
}

/** Appends only points that change the state of a series. */
async function keepPoints(
  { commit, log, state, clock }: TurnOptions,
  given: readonly SeriesPoint[],
  appended: Writable<AppendedPoints>,
): Promise<void> {
  const nowMs = clock()
  const { points, increments, refused, late } = state.series.step(given, nowMs)
  appended.refused += refused
  appended.late += late
  if (points.length === 0) return
  const record: PointsRecord = { kind: 'points', nowMs, idMs: nowMs, points }
  const records = encodeOne(log.frame(record), pointsJson(points))
  await commit.keep(
    { records, attempts: 0, isReset: false },
    {
      fold() {
        appended.attempts += takePoints(state, record)
      },
      wait() {
        appended.attempts += attemptsIn(increments)
      },
      records: () => [record],
    },
  )
}

/** Raises the limits of a log to those that are larger. Of all sidecars, those that are larger count. */
export async function appendLimits({ commit, log, state, clock }: TurnOptions, wanted: Limits): Promise<void> {
  if (isDeepStrictEqual(raised(limitsIn(state), wanted), limitsIn(state))) return
  await commit.runExclusive(async () => {
    const limits = raised(limitsIn(state), wanted)
    const nowMs = clock()
    const record = { kind: 'limits', nowMs, idMs: nowMs, limits, isRaise: true } as const
    await commit.keep(
      { records: encodeOne(log.frame(record), limitsJson(limits)), attempts: 0, isReset: false },
      { fold: () => void apply(state, record), records: () => [] },
    )
  })
}

/** Appends a reset, which clears the state. */
export async function appendReset({ commit, log, state, clock }: TurnOptions): Promise<void> {
  await commit.runExclusive(async () => {
    const nowMs = clock()
    const { episodes, lease } = state.alerts
    const alerts = episodes.size > 0 || lease !== undefined ? copyAlerts(state.alerts) : undefined
    const record = { kind: 'reset', nowMs, idMs: nowMs, ...(alerts && { alerts }) } as const
    await commit.keep(
      { records: encodeOne(log.frame(record), resetJson(record)), attempts: 0, isReset: true },
      {
        fold: () => void apply(state, record),
        records: () => [record],
      },
    )
  })
}

export type OutcomeAnswer = 'accepted' | 'duplicate' | 'unknown'

/**
 * Records an outcome of an attempt. Resolves with `duplicate` if its newest outcome has the same result and the same source. Resolves with
 * `unknown` if the attempt does not exist, or has expired.
 */
export async function appendOutcome(options: TurnOptions, outcome: Outcome): Promise<OutcomeAnswer> {
  for (;;) {
    const found = await options.log.find(outcome.attempt_id)
    if (found === undefined) return 'unknown'
    const before = found.outcome
    if (before?.outcome.success === outcome.success && before.outcome.source === outcome.source) return 'duplicate'
    const nowMs = options.clock()
    const { attempt, at } = found.attempt
    const record: OutcomeRecord = {
      kind: 'outcome',
      nowMs,
      idMs: nowMs,
      outcome,
      revision: (before?.revision ?? 0) + 1,
      previous: before?.outcome.success,
      attempt,
      at,
    }
    // False if another sidecar appended an outcome first. Try again as the outcome after that one.
    if (await keepRecord(options, record, outcomeJson(record))) return 'accepted'
  }
}

/** Records a change of alerts. Resolves with false if it changes nothing, for example because another sidecar was first. */
export async function appendAlert(options: TurnOptions, change: AlertChange): Promise<boolean> {
  const nowMs = options.clock()
  if (!wouldChange(options.state.alerts, change, nowMs)) return false
  const record: AlertRecord = { kind: 'alert', nowMs, idMs: nowMs, change }
  return await keepRecord(options, record, alertJson(record))
}

/** Stores the plan of an experiment. See `Store.putExperimentPlan`. */
export async function appendPlan(
  options: TurnOptions,
  experiment: string,
  plan: ExperimentPlan,
): Promise<'stored' | 'full'> {
  const { plans } = options.state.tally
  if (isSamePlan(plans.get(experiment), plan)) return 'stored'
  const nowMs = options.clock()
  const record: PlanRecord = { kind: 'plan', nowMs, idMs: nowMs, experiment, plan }
  // Not counted also if another sidecar has stored the same plan meanwhile.
  const isCounted = await keepRecord(options, record, planJson(record))
  return isCounted || isSamePlan(plans.get(experiment), plan) ? 'stored' : 'full'
}

/** Appends a record with exclusive access. Resolves with true if it counts. */
async function keepRecord({ commit, log, state }: TurnOptions, record: LogRecord, json: string): Promise<boolean> {
  let isCounted = false
  await commit.runExclusive(() =>
    commit.keep(
      { records: encodeOne(log.frame(record), json), attempts: 0, isReset: false },
      {
        fold(position) {
          isCounted = apply(state, record)
          if (!isCounted) log.leaveOut(position, [0])
        },
        records: () => (isCounted ? [record] : []),
      },
    ),
  )
  return isCounted
}
