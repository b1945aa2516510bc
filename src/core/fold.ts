/**
 * The fold: the only code that changes state. It applies the records of a log in the log's order. A replay, a live store, and every sidecar
 * on the same log therefore end in the same state. It reads no clock: each record contains its times. Longer than 250 lines because each kind of
 * record is described beside the code that applies it.
 */
import type { DedupWindow } from './aggregate/dedup-window.ts'
import type { ExperimentPlan } from './aggregate/experiment-plan.ts'
import { type Decision, decided } from './aggregate/outcomes.ts'
import type { Increment, Series, SeriesPoint } from './aggregate/series.ts'
import type { Totals } from './aggregate/summary.ts'
import type { Tally, TallyLimits } from './aggregate/tally.ts'
import { type AlertChange, type AlertsState, applyAlertChange, replaceAlerts } from './alerts/lifecycle.ts'
import type { AgentAttempt, AttemptKey } from './attempt/attempt.ts'
import { type Instant, parseTimestamp } from './attempt/timestamp.ts'

/** Limits of the state. They belong to the log: sidecars with different limits would end in different states. */
export interface Limits extends TallyLimits {
  /** Capacity of the dedup window in ids, and how long it remembers an id in milliseconds. */
  readonly idWindow: number
  readonly idWindowAgeMs: number
}

/** The times of a record, in milliseconds since the epoch. */
export interface RecordTimes {
  /** When the record was received, by its writer's clock. */
  readonly nowMs: number
  /** The same by a clock that does not jump while the writer runs. The dedup window expires ids by this time. */
  readonly idMs: number
}

export interface AttemptRecord extends RecordTimes {
  readonly kind: 'attempt'
  readonly attempt: AgentAttempt
  /** The time that its timestamp states. */
  readonly at: Instant
}

export interface PointsRecord extends RecordTimes {
  readonly kind: 'points'
  readonly points: readonly SeriesPoint[]
}

/** Clears the state. */
export interface ResetRecord extends RecordTimes {
  readonly kind: 'reset'
  /** The alerts, which stay: a log may delete what is before a reset. Undefined if there are none. */
  readonly alerts?: Readonly<AlertsState> | undefined
}

/** Changes the limits of the state for all later records. */
export interface LimitsRecord extends RecordTimes {
  readonly kind: 'limits'
  readonly limits: Limits
  /** Lower limits than those in force are ignored. Of two sidecars that raise limits at once, neither lowers what the other raised. */
  readonly isRaise?: boolean | undefined
}

/** A result of an attempt that became known after it was recorded. */
export interface Outcome {
  readonly attempt_id: string
  readonly success: boolean
  /** The source of the result, such as a test suite or a reviewer. */
  readonly source: string
  /** When the source decided, in RFC 3339 with a zone. Absent: the time of receipt. */
  readonly timestamp?: string | undefined
  readonly note?: string | undefined
}

/** A success and the source that stated it. */
export type Statement = Pick<Outcome, 'success' | 'source'>

/** The latest outcome of one source. */
export interface StandingOutcome extends Statement {
  /** When the source decided, in milliseconds since the epoch. */
  readonly atMs: number
}

/** The maximum number of sources whose latest outcome a record states. */
export const MAX_STANDING = 16

/**
 * An outcome with a copy of its attempt, which the writer looked up. A replay needs the copy, because the attempt may have expired by then.
 * The writer also resolves which source counts, so that the fold is the same whatever order of sources a sidecar is configured with.
 */
export interface OutcomeRecord extends RecordTimes {
  readonly kind: 'outcome'
  readonly outcome: Outcome
  /** 1 for the first outcome of the attempt, then consecutive. Of two with the same number, the first in the log counts. */
  readonly revision: number
  /** The attempt as it was recorded, and the time that its timestamp states. */
  readonly attempt: AgentAttempt
  readonly at: Instant
  /** What counted before this outcome: `counts` of the previous one. Undefined for the first. */
  readonly before?: Statement | undefined
  /** The latest outcome of each source with this one, at most {@link MAX_STANDING}. */
  readonly standing: readonly StandingOutcome[]
  /** The one of `standing` that counts from now on. */
  readonly counts: Statement
}

/** A change in the lifecycle of an alert, or of the lease of the sidecar that sends alerts. */
export interface AlertRecord extends RecordTimes {
  readonly kind: 'alert'
  readonly change: AlertChange
}

/** Totals of a key that were counted before the log began, taken from a document. They belong to no attempt of the log and to no time. */
export interface BaselineRecord extends RecordTimes {
  readonly kind: 'baseline'
  readonly key: AttemptKey
  readonly totals: Totals
}

/** The plan of an experiment. It replaces the previous one. */
export interface PlanRecord extends RecordTimes {
  readonly kind: 'plan'
  readonly experiment: string
  readonly plan: ExperimentPlan
}

/**
 * The beginning or the end of a copy of another store. The copied records and a snapshot are between them. A log with a beginning and no end is an
 * unfinished copy.
 */
export interface CopyRecord extends RecordTimes {
  readonly kind: 'copy'
  readonly isDone: boolean
  /** Of a beginning: the copied log is complete from this time on; see `LogReach`. Of an end: Infinity if records of it were damaged. */
  readonly completeMs: number
}

export type LogRecord =
  | AttemptRecord
  | PointsRecord
  | ResetRecord
  | LimitsRecord
  | OutcomeRecord
  | AlertRecord
  | BaselineRecord
  | PlanRecord
  | CopyRecord

/** The state that results from folding a log. */
export interface FoldState {
  readonly tally: Tally
  /** Replaced when the state is restored from a snapshot. */
  ids: DedupWindow
  readonly series: Series
  readonly alerts: AlertsState
  /** Whether the log holds an unfinished copy. Not part of a snapshot: an unfinished copy has none. */
  isCopying?: boolean
}

/** The dedup step of folding an attempt: remembers its id. False if the id is known. */
export function admitAttempt({ ids }: Pick<FoldState, 'ids'>, attempt: AgentAttempt, idMs: number): boolean {
  return attempt.attempt_id === undefined || ids.add(attempt.attempt_id, idMs)
}

/** Folds one record. True if it changed the state. False for a duplicate, an unchanged alert or plan, or a change of the limits. */
export function apply(state: FoldState, record: LogRecord): boolean {
  switch (record.kind) {
    case 'attempt':
      if (!admitAttempt(state, record.attempt, record.idMs)) return false
      state.tally.add(record.attempt, record.at, record.nowMs)
      return true
    case 'points':
      takePoints(state, record)
      return true
    case 'reset':
      reset(state, record)
      return true
    case 'limits':
      applyLimits(state, record.isRaise === true ? raised(limitsIn(state), record.limits) : record.limits)
      return false
    case 'outcome':
      if (!admitOutcome(state, record)) return false
      state.tally.decide(decisionOf(record), record.at, record.nowMs)
      return true
    case 'alert':
      return applyAlertChange(state.alerts, record.change, record.nowMs)
    case 'baseline':
      takeBaseline(state, record)
      return true
    case 'plan':
      return state.tally.putPlan(record.experiment, record.plan)
    case 'copy':
      state.isCopying = !record.isDone
      return false
  }
}

/** What an outcome changes in the counts of its attempt. */
export function decisionOf({ attempt, at, before, counts, outcome, nowMs }: OutcomeRecord): Decision {
  const statedMs = outcome.timestamp === undefined ? undefined : parseTimestamp(outcome.timestamp)?.ms
  return {
    attempt: decided(attempt, counts.success),
    ms: at.ms,
    reported: attempt.success,
    before: before?.success,
    delayMs: Math.max(0, (statedMs ?? nowMs) - at.ms),
  }
}

/** If two sidecars write the same revision at once, the later one must look the attempt up again. */
function admitOutcome({ ids }: FoldState, { outcome, revision, idMs }: OutcomeRecord): boolean {
  return ids.add(outcomeId({ outcome, revision }), idMs)
}

/** The id by which the dedup window knows an outcome. */
export function outcomeId({ outcome, revision }: Pick<OutcomeRecord, 'outcome' | 'revision'>): string {
  return `outcome ${revision} ${outcome.attempt_id}`
}

/** The totals may contain values of series up to now: a document does not state which series it counted. */
function takeBaseline({ tally, series }: FoldState, { key, totals, nowMs }: BaselineRecord): void {
  tally.addTotals(key, totals)
  series.assumeCounted(nowMs)
}

/** Applies only the ids and series of a record. For a state whose totals already include the record, but not its ids and series. */
export function applyUncounted(state: FoldState, record: LogRecord): void {
  if (record.kind === 'attempt') admitAttempt(state, record.attempt, record.idMs)
  else if (record.kind === 'baseline') state.series.assumeCounted(record.nowMs)
  else if (record.kind === 'outcome') admitOutcome(state, record)
  else if (record.kind === 'points') state.series.take(state.series.step(record.points, record.nowMs, true))
  else apply(state, record)
}

/** Counts the increments since the previous points of each series. Returns the number of new attempts. */
export function takePoints({ tally, series }: FoldState, { points, nowMs }: PointsRecord): number {
  const step = series.step(points, nowMs, true)
  series.take(step)
  for (const increment of step.increments) tally.count(increment, nowMs)
  return attemptsIn(step.increments)
}

/** The number of attempts that increments count. */
export function attemptsIn(increments: readonly Increment[]): number {
  return increments.reduce(
    (sum, { measure, values }) => sum + (measure.metric === 'attempts' ? (values[0] ?? 0) : 0),
    0,
  )
}

/** Keeps the alerts, because they record which notifications were sent. */
function reset({ tally, ids, series, alerts }: FoldState, { nowMs, alerts: kept }: ResetRecord): void {
  if (kept !== undefined) replaceAlerts(alerts, kept)
  tally.clear()
  ids.clear()
  series.forget(nowMs)
}

/** The limits in force. */
export function limitsIn({ tally, ids }: Pick<FoldState, 'tally' | 'ids'>): Limits {
  const { maxKeys, maxArms } = tally.currentLimits
  return { maxKeys, maxArms, idWindow: ids.limits.limit, idWindowAgeMs: ids.limits.keepMs }
}

/** The larger of each limit. */
export function raised(a: Limits, b: Limits): Limits {
  return {
    maxKeys: Math.max(a.maxKeys, b.maxKeys),
    maxArms: Math.max(a.maxArms, b.maxArms),
    idWindow: Math.max(a.idWindow, b.idWindow),
    idWindowAgeMs: Math.max(a.idWindowAgeMs, b.idWindowAgeMs),
  }
}

/** Applies new limits to later records. State beyond lower limits stays. */
export function applyLimits({ tally, ids }: Pick<FoldState, 'tally' | 'ids'>, limits: Limits): void {
  tally.countWithin(limits)
  ids.limitTo({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs })
}
