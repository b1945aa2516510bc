/**
 * The schema of stored state: histogram bounds, tier spans, and the layout of a summary. Snapshots contain the whole schema, so that a
 * different one is detected and converted. The document and the journal contain its fingerprint.
 */
import { createHash } from 'node:crypto'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../core/aggregate/histogram-bounds.ts'
import { BLOCK_ATTEMPTS, BLOCK_NUMBERS, MAX_BLOCKS } from '../../core/aggregate/older-outcomes.ts'
import { SERIES_LAYOUT } from '../../core/aggregate/series.ts'
import { type FieldGroup, type Histogrammed, SUMMARY_FIELDS } from '../../core/aggregate/summary.ts'
import { TASK_LAYOUT } from '../../core/aggregate/task-sketch.ts'
import type { TierOptions } from '../../core/aggregate/time-tiers.ts'
import { ALERTS_LAYOUT } from '../alert-json.ts'

/** The meaning of a summary's numbers. Plain data that survives JSON. */
export interface SummarySchema {
  /** Upper bounds of each histogram. */
  readonly bounds: Readonly<Record<Histogrammed, readonly number[]>>
  /** Name and size of each field of the row, in order. */
  readonly fields: readonly (readonly [name: string, size: number])[]
  /** Blocks of older outcomes of a key, attempts of a block, and its numbers. */
  readonly older: readonly [blocks: number, attempts: number, numbers: number]
  /** The meaning of the tasks beside a row. Undefined if the rows have none. */
  readonly tasks?: string | undefined
  /** The meaning of the states of series. */
  readonly series: string
  /** The meaning of the alerts. */
  readonly alerts: string
}

/** The schema of this program. */
export const OWN_SCHEMA: SummarySchema = {
  bounds: { duration: DURATION_BOUNDS, confidence: CONFIDENCE_BOUNDS },
  fields: SUMMARY_FIELDS.map(({ name, size }) => [name, size]),
  older: [MAX_BLOCKS, BLOCK_ATTEMPTS, BLOCK_NUMBERS],
  tasks: TASK_LAYOUT,
  series: SERIES_LAYOUT,
  alerts: ALERTS_LAYOUT,
}

/** The fingerprint of a schema with these tiers. It is equal if the numbers have the same meaning. */
export function fingerprintOf(schema: SummarySchema, tiers: readonly Pick<TierOptions, 'spanMs'>[]): string {
  const spans = tiers.map(({ spanMs }) => spanMs)
  return `bounds:${digest(schema.bounds)} layout:${digest([schema.fields, schema.older, schema.tasks, schema.series, schema.alerts])} tiers:${digest(spans)}`
}

/** The digest of this program's histogram bounds. Records of the log that contain buckets state it. */
export const OWN_BOUNDS: string = digest(OWN_SCHEMA.bounds)

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

/** How another schema differs from this program's. */
export interface SchemaChange {
  /** Histograms whose bounds differ. */
  readonly bounds: readonly Histogrammed[]
  /** Groups of fields that cannot be converted: the bounds differ, or a field is missing or has another size. */
  readonly dropped: readonly FieldGroup[]
}

/** Undefined if the other schema has the same meaning. */
export function schemaChange(saved: SummarySchema): SchemaChange | undefined {
  if (fingerprintOf(saved, []) === fingerprintOf(OWN_SCHEMA, [])) return undefined
  const bounds = HISTOGRAMS.filter(one => digest(saved.bounds[one]) !== digest(OWN_SCHEMA.bounds[one]))
  const sizes = new Map(saved.fields)
  const unlike = SUMMARY_FIELDS.filter(({ name, size }) => sizes.get(name) !== size).map(({ group }) => group)
  return { bounds, dropped: GROUPS.filter(one => unlike.includes(one) || bounds.some(other => other === one)) }
}

const HISTOGRAMS: readonly Histogrammed[] = ['duration', 'confidence']
const GROUPS: readonly FieldGroup[] = [...HISTOGRAMS, 'cost']

/** Totals that a summary must have. */
const TOTALS = ['successes', 'failures', 'first_ms', 'last_ms', 'stated', 'time', 'confidence', 'untimed']

/** Part of a row that keeps its meaning. */
interface Span {
  readonly from: number
  readonly to: number
  readonly size: number
}

/**
 * Converts rows of another schema: copies the fields with the same meaning. The others stay as in a summary of no attempts. Throws a
 * RangeError if the other schema lacks totals.
 */
export function createRowConverter(
  saved: SummarySchema,
  { dropped }: SchemaChange,
): (from: Float64Array, into: Float64Array) => void {
  const positions = new Map<string, { at: number; size: number }>()
  let at = 0
  for (const [name, size] of saved.fields) {
    positions.set(name, { at, size })
    at += size
  }
  const spans: Span[] = []
  let to = 0
  for (const { name, size, group } of SUMMARY_FIELDS) {
    const known = positions.get(name)
    const isKept = known?.size === size && !(group !== undefined && dropped.includes(group))
    if (isKept) spans.push({ from: known.at, to, size })
    else if (TOTALS.includes(name)) throw new RangeError(`its summaries have no ${name}`)
    to += size
  }
  return (from, into) => {
    for (const span of spans) into.set(from.subarray(span.from, span.from + span.size), span.to)
  }
}

/** The doubles of a row of a schema. */
export const widthOf = ({ fields }: SummarySchema): number => fields.reduce((sum, [, size]) => sum + size, 0)
