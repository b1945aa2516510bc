/** Reads the blocks of a snapshot back into an empty tally and series. */
import type { BucketOwner } from '../../core/aggregate/buckets.ts'
import { createDedupWindow, type DedupWindow, type DedupWindowOptions } from '../../core/aggregate/dedup-window.ts'
import { planOf, type StoredPlan } from '../../core/aggregate/experiment-plan.ts'
import { type Series, type SeriesState, withoutBuckets } from '../../core/aggregate/series.ts'
import { createSummary, SUMMARY_WIDTH, type Summary } from '../../core/aggregate/summary.ts'
import type { ArmTally, Tally } from '../../core/aggregate/tally.ts'
import type { TaskSketch } from '../../core/aggregate/task-sketch.ts'
import { planTiers, type TierPlan } from '../../core/aggregate/tier-plan.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { type BlockReader, createBlockReader } from './block.ts'
import { decodeHead, type SnapshotHead } from './head.ts'
import { takeKeys } from './key-block.ts'
import {
  createRowConverter,
  OWN_SCHEMA,
  type SchemaChange,
  type SummarySchema,
  schemaChange,
  widthOf,
} from './schema.ts'
import { takeTasks } from './task-column.ts'
import { createTierRestore, type TierRestore } from './tier-restore.ts'

/** The restored state besides the tally and the series. */
export interface RestoredState {
  readonly ids: DedupWindow
  /** The plan for the tiers of the snapshot. Tiers that the log must fill are still empty. */
  readonly plan: TierPlan
  readonly savedTiers: readonly TierSave[]
  /** Undefined if the snapshot describes alerts in another way. */
  readonly alerts: SnapshotHead['alerts'] | undefined
  readonly limits: SnapshotHead['limits']
  /** The number of ids in the snapshot. The window may be smaller. */
  readonly savedIds: number
  /** Set if the snapshot has another schema. Parts that could not be converted were dropped. */
  readonly schemaChange: SchemaChange | undefined
}

/** Plans the conversion of the tiers of a snapshot. */
export type PlanTiers = (saved: readonly TierSave[]) => TierPlan

/** Takes the blocks one by one. Returns after the last one. */
export type StateDecoder = Generator<void, RestoredState, Uint8Array>

/** The owners of buckets, by number, and the start of each owner's open bucket. */
interface Owners {
  readonly all: BucketOwner[]
  readonly opens: number[]
}

/**
 * Decodes the blocks of `encodeState`, and keeps no reference to their memory. Throws if they are not valid. Restores all keys and arms,
 * also beyond the limits of the tally. Summaries of another schema keep their totals. The limits of the ids are those of the snapshot, or
 * given.
 */
export function* decodeState(
  tally: Tally,
  series: Series,
  idOptions?: Omit<DedupWindowOptions, 'seed'>,
  planned: PlanTiers = saved => planTiers({ wanted: tally.wantedTiers, saved, nowMs: 0 }),
): StateDecoder {
  const { schema, tiers, counts, overflowed, seed, limits, forgottenMs, alerts, plans } = decodeHead(yield)
  const savedTiers = tiers.map(({ spanMs, keepMs, floorMs }) => ({ spanMs, keepMs, floorMs }))
  const change = schemaChange(schema)
  if (schema.series !== OWN_SCHEMA.series) throw new RangeError('its series have another layout')
  const rows = createRowReader(schema, change)
  const plan = planned(savedTiers)
  const tierRestore = createTierRestore(tally.times, plan, savedTiers)
  tally.restoreOverflowed(overflowed)
  const storedPlans: readonly (readonly [string, StoredPlan])[] = JSON.parse(plans)
  tally.restorePlans(storedPlans.map(([experiment, plan]) => [experiment, planOf(plan)] as const))
  const names: string[] = []
  for (let left = counts.names; left > 0; ) left -= decodeTexts(createBlockReader(yield), names)
  const owners: Owners = { all: [], opens: [] }
  for (let left = counts.keys; left > 0; ) left -= decodeKeys(createBlockReader(yield), names, tally, owners, rows)
  for (let left = counts.arms; left > 0; ) left -= decodeArms(createBlockReader(yield), names, tally, owners, rows)
  const arms = tally.allArms()
  for (let left = counts.cells; left > 0; )
    left -= decodeCells(createBlockReader(yield), names, { tally, arms, owners }, rows)
  for (const [tier, { buckets }] of tiers.entries())
    for (let left = buckets; left > 0; )
      left -= decodeBuckets(createBlockReader(yield), owners, tier, tierRestore, rows)
  tierRestore.end()
  const ids = createDedupWindow({ ...idLimits(limits, idOptions), seed, expected: counts.ids })
  for (let left = counts.ids; left > 0; ) left -= decodeIds(createBlockReader(yield), ids)
  const states: [string, SeriesState][] = []
  const hasOwnBounds = change === undefined || change.bounds.length === 0
  for (let left = counts.series; left > 0; ) left -= decodeSeries(createBlockReader(yield), states, hasOwnBounds)
  series.restore(forgottenMs, states)
  const ownAlerts = schema.alerts === OWN_SCHEMA.alerts ? alerts : undefined
  return { ids, plan, savedTiers, savedIds: counts.ids, schemaChange: change, alerts: ownAlerts, limits }
}

/** Those of the snapshot, unless others are given. */
function idLimits(
  limits: SnapshotHead['limits'],
  given: Omit<DedupWindowOptions, 'seed'> | undefined,
): Omit<DedupWindowOptions, 'seed'> {
  if (given !== undefined) return given
  if (limits === undefined) throw new RangeError('it has no limits')
  return { limit: limits.idWindow, keepMs: limits.idWindowAgeMs }
}

/** Reads the summaries of a block. */
interface RowReader {
  /** The tasks of the next `count` summaries, which precede the rows. */
  tasks(block: BlockReader, count: number): readonly (TaskSketch | undefined)[]
  /** Reads a row into an empty summary. */
  row(block: BlockReader, into: Summary, tasks: TaskSketch | undefined): void
}

function createRowReader(schema: SummarySchema, change: SchemaChange | undefined): RowReader {
  if (schema.tasks !== undefined && schema.tasks !== OWN_SCHEMA.tasks)
    throw new RangeError('its tasks have another layout')
  const tasks: RowReader['tasks'] = schema.tasks === undefined ? () => [] : takeTasks
  if (change === undefined) {
    const row: RowReader['row'] = (block, into, ofRow) => {
      block.row(SUMMARY_WIDTH, into)
      setTasks(into, ofRow)
    }
    return { tasks, row }
  }
  const convert = createRowConverter(schema, change)
  const saved = new Float64Array(widthOf(schema))
  return {
    tasks,
    row(block, into, ofRow) {
      block.row(saved.length, saved)
      convert(saved, createSummary(into))
      setTasks(into, ofRow)
    },
  }
}

/** Adds no property to a summary without tasks, because it would take memory. */
function setTasks(summary: Summary, tasks: TaskSketch | undefined): void {
  if (tasks !== undefined || summary.tasks !== undefined) summary.tasks = tasks
}

/** The number of entries in a block. Throws if it is below one. */
function countIn(block: BlockReader): number {
  const [count = 0] = block.doubles(1)
  if (!(count > 0)) throw new RangeError('an empty block')
  return count
}

function decodeTexts(block: BlockReader, into: string[]): number {
  const count = countIn(block)
  const lengths = block.words(count)
  const bytes = Buffer.from(block.bytes(sum(lengths)))
  let at = 0
  for (const length of lengths) {
    into.push(bytes.toString('utf8', at, at + length))
    at += length
  }
  return count
}

function sum(numbers: Uint32Array): number {
  let all = 0
  for (const number of numbers) all += number
  return all
}

function nameAt(names: readonly string[], number: number): string {
  const name = names[number]
  if (name === undefined) throw new RangeError('a name is missing')
  return name
}

function decodeKeys(
  block: BlockReader,
  names: readonly string[],
  tally: Tally,
  owners: Owners,
  rows: RowReader,
): number {
  const count = countIn(block)
  const heads = block.words(4 * count)
  const opens = block.doubles(count)
  const records = Array.from({ length: count }, (_, i) =>
    tally.hold({
      agent_name: nameAt(names, heads[4 * i]!),
      model_name: nameAt(names, heads[4 * i + 1]!),
      issue_type: nameAt(names, heads[4 * i + 2]!),
    }),
  )
  const tasks = rows.tasks(block, count)
  const kept = takeKeys(block, count, i => rows.row(block, records[i]!.summary, tasks[i]))
  const olderLengths = block.words(count)
  for (const [i, { added, numbers, flags }] of kept.entries()) {
    if (heads[4 * i + 3] !== flags.length) throw new RangeError('the number of recent attempts is wrong')
    const older = block.doubles(olderLengths[i]!)
    tally.restoreRecent(records[i]!, { added: Math.trunc(added), numbers, flags, older })
    owners.all.push(records[i]!)
    owners.opens.push(opens[i]!)
  }
  return count
}

function decodeArms(
  block: BlockReader,
  names: readonly string[],
  tally: Tally,
  owners: Owners,
  rows: RowReader,
): number {
  const count = countIn(block)
  const heads = block.words(2 * count)
  const opens = block.doubles(count)
  const tasks = rows.tasks(block, count)
  for (let i = 0; i < count; i++) {
    const arm = tally.holdArm(nameAt(names, heads[2 * i]!), nameAt(names, heads[2 * i + 1]!))
    rows.row(block, arm.summary, tasks[i])
    owners.all.push(arm)
    owners.opens.push(opens[i]!)
  }
  return count
}

function decodeCells(
  block: BlockReader,
  names: readonly string[],
  { tally, arms, owners }: { readonly tally: Tally; readonly arms: readonly ArmTally[]; readonly owners: Owners },
  rows: RowReader,
): number {
  const count = countIn(block)
  const heads = block.words(4 * count)
  const opens = block.doubles(count)
  const tasks = rows.tasks(block, count)
  for (let i = 0; i < count; i++) {
    const arm = arms[heads[4 * i]!]
    if (arm === undefined) throw new RangeError('a cell without an arm')
    const cell = tally.holdCell(arm, {
      agent_name: nameAt(names, heads[4 * i + 1]!),
      model_name: nameAt(names, heads[4 * i + 2]!),
      issue_type: nameAt(names, heads[4 * i + 3]!),
    })
    rows.row(block, cell.summary, tasks[i])
    owners.all.push(cell)
    owners.opens.push(opens[i]!)
  }
  return count
}

function decodeBuckets(
  block: BlockReader,
  { all, opens }: Owners,
  tier: number,
  restore: TierRestore,
  rows: RowReader,
): number {
  const count = countIn(block)
  const numbers = block.words(count)
  const starts = block.doubles(count)
  const tasks = rows.tasks(block, count)
  for (let i = 0; i < count; i++) {
    const owner = all[numbers[i]!]
    if (owner === undefined) throw new RangeError('a bucket without an owner')
    const startMs = starts[i]!
    restore.put(tier, owner, startMs, row => rows.row(block, row, tasks[i]))
    if (tier === 0 && opens[numbers[i]!] === startMs) restore.open(owner, startMs)
  }
  return count
}

function decodeIds(block: BlockReader, ids: DedupWindow): number {
  const count = countIn(block)
  const hashes = block.words(2 * count)
  ids.restore(hashes, block.doubles(count))
  return count
}

function decodeSeries(block: BlockReader, into: [string, SeriesState][], hasOwnBounds: boolean): number {
  const texts: string[] = []
  const count = decodeTexts(block, texts)
  const times = block.doubles(3 * count)
  const lengths = block.words(count)
  const values = new Float64Array(sum(lengths))
  block.row(values.length, values)
  const intervalLengths = block.words(count)
  const intervals = new Float64Array(sum(intervalLengths))
  block.row(intervals.length, intervals)
  let at = 0
  let intervalAt = 0
  for (const [i, id] of texts.entries()) {
    const [startMs = 0, timeMs = 0, heardMs = 0] = times.subarray(3 * i, 3 * i + 3)
    const all = [...values.subarray(at, at + lengths[i]!)]
    const ofSeries = [...intervals.subarray(intervalAt, intervalAt + intervalLengths[i]!)]
    into.push([id, { startMs, timeMs, heardMs, values: hasOwnBounds ? all : withoutBuckets(all), intervals: ofSeries }])
    at += lengths[i]!
    intervalAt += intervalLengths[i]!
  }
  return count
}
