/** The JSON of records, the same in every log. A log adds the times of a record and its own framing. */

import { planOf, type StoredPlan, storedPlan } from '../core/aggregate/experiment-plan.ts'
import { type SeriesPoint, withoutBuckets } from '../core/aggregate/series.ts'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import type {
  AlertRecord,
  BaselineRecord,
  CopyRecord,
  Limits,
  LogRecord,
  OutcomeRecord,
  PlanRecord,
  RecordTimes,
  ResetRecord,
} from '../core/fold.ts'
import { NewerRecord } from '../core/log.ts'
import { alertsJson, alertsOf, changeOf, storedChange } from './alert-json.ts'
import { OWN_BOUNDS } from './snapshot/schema.ts'

/**
 * The version of the records. All records except attempts state it. An attempt has the fields of its sender at the top level. A newer kind
 * of attempt must therefore be inside a record that states its version.
 */
export const RECORD_VERSION = 3

/** The version that a kind of record came with: versions of this program from before it read all other kinds. */
const VERSION = { first: 1, copy: 2, alert: 3 }

const jsonOf = (record: object, version = VERSION.first): string =>
  JSON.stringify({ record_version: version, ...record })

/** The JSON of points that were received together. It names the histogram bounds of their buckets. */
export function pointsJson(points: readonly SeriesPoint[]): string {
  return jsonOf({ points, bounds: OWN_BOUNDS })
}

/** Limits that are larger than those of the log. */
export function limitsJson(limits: Limits): string {
  return jsonOf({ limits })
}

type JsonLimits = { readonly [Limit in keyof Limits]: number | null }

/** JSON has no infinity: null means no limit. */
export function limitsOfJson({ maxKeys, maxArms, idWindow, idWindowAgeMs }: JsonLimits): Limits {
  const of = (limit: number | null): number => limit ?? Number.POSITIVE_INFINITY
  return { maxKeys: of(maxKeys), maxArms: of(maxArms), idWindow: of(idWindow), idWindowAgeMs: of(idWindowAgeMs) }
}

export const RESET_JSON: string = jsonOf({ reset: true })

export function resetJson({ alerts }: Pick<ResetRecord, 'alerts'>): string {
  return alerts === undefined ? RESET_JSON : jsonOf({ reset: true, alerts: alertsJson(alerts) }, VERSION.alert)
}

export function outcomeJson({ outcome, revision, previous, attempt }: OutcomeRecord): string {
  return jsonOf({ outcome, revision, previous, attempt })
}

export function alertJson({ change }: Pick<AlertRecord, 'change'>): string {
  return jsonOf({ alert: storedChange(change) }, VERSION.alert)
}

export function baselineJson({ key, totals }: Pick<BaselineRecord, 'key' | 'totals'>): string {
  return jsonOf({ baseline: key, totals })
}

export function planJson({ experiment, plan }: PlanRecord): string {
  return jsonOf({ experiment, plan: storedPlan(plan) })
}

/** A complete log states no time, and null stands for an unknown one. */
export function copyJson({ isDone, completeMs }: Pick<CopyRecord, 'isDone' | 'completeMs'>): string {
  const complete_ms = completeMs === Number.NEGATIVE_INFINITY ? undefined : completeMs
  return jsonOf({ copy: isDone ? 'done' : 'begun', complete_ms }, VERSION.copy)
}

/** The JSON of a record. Limits are read as raised ones: a log states the settings of a process in a form of its own. */
export function recordJson(record: LogRecord): string {
  switch (record.kind) {
    case 'attempt':
      return JSON.stringify(record.attempt)
    case 'points':
      return pointsJson(record.points)
    case 'reset':
      return resetJson(record)
    case 'outcome':
      return outcomeJson(record)
    case 'alert':
      return alertJson(record)
    case 'baseline':
      return baselineJson(record)
    case 'plan':
      return planJson(record)
    case 'limits':
      return limitsJson(record.limits)
    case 'copy':
      return copyJson(record)
  }
}

/**
 * The record of parsed JSON. Undefined if its kind is unknown. The content is trusted, because a writer of this program wrote it. Throws
 * {@link NewerRecord}.
 */
export function readRecord(
  { nowMs, idMs }: RecordTimes,
  value: Readonly<Record<string, unknown>>,
): LogRecord | undefined {
  // Attempts have one object shape and are not copied, because a start reads millions of them.
  if (typeof value.timestamp === 'string' && typeof value.agent_name === 'string') {
    const at = parseTimestamp(value.timestamp)
    return at && { kind: 'attempt', nowMs, idMs, attempt: value as unknown as AgentAttempt, at }
  }
  const { record_version: version } = value
  if (typeof version === 'number' && version > RECORD_VERSION) throw new NewerRecord(version, RECORD_VERSION)
  if (Array.isArray(value.points)) return { kind: 'points', nowMs, idMs, points: pointsOf(value.points, value.bounds) }
  if (isLimits(value)) return { kind: 'limits', nowMs, idMs, limits: limitsOfJson(value.limits), isRaise: true }
  if (value.reset === true) {
    const { alerts } = value
    return { kind: 'reset', nowMs, idMs, ...(typeof alerts === 'string' && { alerts: alertsOf(alerts) }) }
  }
  const change = changeOf(value.alert)
  if (change !== undefined) return { kind: 'alert', nowMs, idMs, change }
  if (isBaseline(value)) return { kind: 'baseline', nowMs, idMs, key: value.baseline, totals: value.totals }
  if (isPlan(value)) return { kind: 'plan', nowMs, idMs, experiment: value.experiment, plan: planOf(value.plan) }
  if (isCopy(value)) return { kind: 'copy', nowMs, idMs, isDone: value.copy === 'done', completeMs: timeOf(value) }
  if (!isOutcome(value)) return undefined
  const { outcome, revision, previous, attempt } = value
  const at = parseTimestamp(attempt.timestamp)
  return (
    at && { kind: 'outcome', nowMs, idMs, outcome, revision, ...(previous !== undefined && { previous }), attempt, at }
  )
}

function isLimits(value: object): value is { readonly limits: JsonLimits } {
  return 'limits' in value && typeof value.limits === 'object'
}

function isBaseline(value: object): value is { baseline: BaselineRecord['key'] } & Pick<BaselineRecord, 'totals'> {
  return 'baseline' in value && 'totals' in value
}

function isPlan(value: object): value is { readonly experiment: string; readonly plan: StoredPlan } {
  return 'experiment' in value && 'plan' in value
}

function isCopy(value: object): value is { readonly copy: string; readonly complete_ms?: number | null } {
  return 'copy' in value && (value.copy === 'begun' || value.copy === 'done')
}

function timeOf({ complete_ms }: { readonly complete_ms?: number | null }): number {
  return complete_ms === undefined ? Number.NEGATIVE_INFINITY : (complete_ms ?? Number.POSITIVE_INFINITY)
}

function isOutcome(value: object): value is Pick<OutcomeRecord, 'outcome' | 'revision' | 'previous' | 'attempt'> {
  return 'outcome' in value && 'attempt' in value && 'revision' in value
}

/** Points with other histogram bounds lose their buckets: under these bounds the counts would be wrong. */
function pointsOf(points: readonly SeriesPoint[], bounds: unknown): readonly SeriesPoint[] {
  return bounds === OWN_BOUNDS ? points : points.map(point => ({ ...point, values: withoutBuckets(point.values) }))
}
