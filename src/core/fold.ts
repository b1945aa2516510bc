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

export type LogRecord = AttemptRecord | PointsRecord | ResetRecord | LimitsRecord

/** Everything that a log folds into. */
export interface FoldState {
  readonly tally: Tally
  /** Another one takes its place when state is read again from a snapshot. */
  ids: DedupWindow
  readonly series: Series
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
  }
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
