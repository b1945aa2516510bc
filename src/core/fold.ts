/**
 * The fold: the one way in which state changes. It takes the records of a log in the log's order, so that a replay and a live store, and every
 * sidecar on one log, end in the same state. It reads no clock: each record carries the times by which it counts.
 */
import type { DedupWindow } from './aggregate/dedup-window.ts'
import type { Series, SeriesPoint } from './aggregate/series.ts'
import type { Tally, TallyLimits } from './aggregate/tally.ts'
import type { AgentAttempt } from './attempt/attempt.ts'
import type { Instant } from './attempt/timestamp.ts'

/** Bounds of the state. They belong to the log: two sidecars with other bounds would end in other states. */
export interface Limits extends TallyLimits {
  /** Those of the dedup window: ids, and milliseconds for which one is known. */
  readonly idWindow: number
  readonly idWindowAgeMs: number
}

/** What every record carries. Times are in milliseconds since the epoch. */
export interface RecordTimes {
  /** When the record was received, by its writer's clock. */
  readonly nowMs: number
  /** The same by a clock that does not jump while the writer runs: ids age by it. */
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

/** Forgets everything before it. */
export interface ResetRecord extends RecordTimes {
  readonly kind: 'reset'
}

/** What follows is counted within these limits. */
export interface LimitsRecord extends RecordTimes {
  readonly kind: 'limits'
  readonly limits: Limits
}

/** What was found out about an attempt after it was recorded. */
export interface Outcome {
  readonly attempt_id: string
  readonly success: boolean
  /** Who says so: a test suite, a reviewer. */
  readonly source: string
}

/**
 * An outcome and the facts of its attempt, which its writer looked up: the attempt may have expired by the time the record is folded again.
 */
export interface OutcomeRecord extends RecordTimes {
  readonly kind: 'outcome'
  readonly outcome: Outcome
  /** 1 for the first outcome of the attempt, and so on. Of two with the same number the first in the log counts. */
  readonly revision: number
  /** The attempt as it was recorded, and the time that its timestamp states. */
  readonly attempt: AgentAttempt
  readonly at: Instant
  /** What the outcome before said; undefined for the first. */
  readonly previous?: boolean | undefined
}

export type AlertStatus = 'firing' | 'resolved'

/** An alert changed. Of several sidecars that notice it, the one whose record counts sends the notification. */
export interface AlertRecord extends RecordTimes {
  readonly kind: 'alert'
  /** Names the rule and what it is about. */
  readonly alert: string
  readonly status: AlertStatus
}

export type LogRecord = AttemptRecord | PointsRecord | ResetRecord | LimitsRecord | OutcomeRecord | AlertRecord

/** Everything that a log folds into. */
export interface FoldState {
  readonly tally: Tally
  /** Another one takes its place when state is read again from a snapshot. */
  ids: DedupWindow
  readonly series: Series
  /** Alerts that are firing, and since when in milliseconds since the epoch. */
  readonly alerts: Map<string, number>
}

/** Whether an attempt is new: false where its id is known. Takes the id in. The first half of folding an attempt. */
export function admitAttempt({ ids }: Pick<FoldState, 'ids'>, attempt: AgentAttempt, idMs: number): boolean {
  return attempt.attempt_id === undefined || ids.add(attempt.attempt_id, idMs)
}

/** Folds one record; true where it changed what is counted, false where it was known already or counts nothing itself. */
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
      applyLimits(state, record.limits)
      return false
    case 'outcome':
      return admitOutcome(state, record)
    case 'alert':
      return changeAlert(state, record)
  }
}

/** Counts in no total yet: listeners are told. Of two sidecars that look up the same attempt at once, the later one looks again. */
function admitOutcome({ ids }: FoldState, { outcome, revision, idMs }: OutcomeRecord): boolean {
  return ids.add(`outcome ${revision} ${outcome.attempt_id}`, idMs)
}

function changeAlert({ alerts }: FoldState, { alert, status, nowMs }: AlertRecord): boolean {
  if ((status === 'firing') === alerts.has(alert)) return false
  if (status === 'firing') alerts.set(alert, nowMs)
  else alerts.delete(alert)
  return true
}

/** Takes in ids and series of a record whose counts the state holds already, from a source that held nothing else. */
export function applyUncounted(state: FoldState, record: LogRecord): void {
  if (record.kind === 'attempt') admitAttempt(state, record.attempt, record.idMs)
  else if (record.kind === 'points') state.series.take(state.series.step(record.points, record.nowMs, true))
  else apply(state, record)
}

/** Counts what is new in points; answers how many attempts that is. */
export function takePoints({ tally, series }: FoldState, { points, nowMs }: PointsRecord): number {
  const step = series.step(points, nowMs, true)
  series.take(step)
  let attempts = 0
  for (const increment of step.increments) {
    tally.count(increment, nowMs)
    if (increment.measure.metric === 'attempts') attempts += increment.values[0] ?? 0
  }
  return attempts
}

/** Alerts stay: they say what was sent. */
function reset({ tally, ids, series }: FoldState, { nowMs }: ResetRecord): void {
  tally.clear()
  ids.clear()
  series.forget(nowMs)
}

/** Counts within these limits from now on. What is held stays, however low they are. */
export function applyLimits({ tally, ids }: Pick<FoldState, 'tally' | 'ids'>, limits: Limits): void {
  tally.countWithin(limits)
  ids.limitTo({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs })
}
