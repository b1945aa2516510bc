/** Reads the blocks of a snapshot back into an empty tally and series. */
import type { BucketOwner } from '../../core/aggregate/buckets.ts'
import { createDedupWindow, type DedupWindow, type DedupWindowOptions } from '../../core/aggregate/dedup-window.ts'
import { planOf, type StoredPlan } from '../../core/aggregate/experiment-plan.ts'
import type { Series, SeriesState } from '../../core/aggregate/series.ts'
import type { ArmTally, Tally } from '../../core/aggregate/tally.ts'
import { planTiers, type TierPlan } from '../../core/aggregate/tier-plan.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { type BlockReader, createBlockReader } from './block.ts'
import { decodeHead, type SnapshotHead } from './head.ts'
import { takeKeys } from './key-block.ts'
import { createRowReader, type RowReader } from './row-reader.ts'
import { OWN_SCHEMA, type SchemaChange, schemaChange } from './schema.ts'
import { decodeSeries } from './series-block.ts'
import { countIn, decodeTexts } from './text-block.ts'
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
  const keys = { tally, owners, listed: counts.keys - (counts.hidden ?? 0) }
  for (let left = counts.keys; left > 0; ) left -= decodeKeys(createBlockReader(yield), names, keys, rows)
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

function nameAt(names: readonly string[], number: number): string {
  const name = names[number]
  if (name === undefined) throw new RangeError('a name is missing')
  return name
}

/** `listed`: how many keys of the snapshot have counted attempts. The others follow them. */
function decodeKeys(
  block: BlockReader,
  names: readonly string[],
  { tally, owners, listed }: { readonly tally: Tally; readonly owners: Owners; readonly listed: number },
  rows: RowReader,
): number {
  const count = countIn(block)
  const heads = block.words(4 * count)
  const opens = block.doubles(count)
  const decoded = owners.all.length
  const records = Array.from({ length: count }, (_, i) => {
    const key = {
      agent_name: nameAt(names, heads[4 * i]!),
      model_name: nameAt(names, heads[4 * i + 1]!),
      issue_type: nameAt(names, heads[4 * i + 2]!),
    }
    return decoded + i < listed ? tally.hold(key) : tally.holdHidden(key)
  })
  const beside = rows.beside(block, count)
  const kept = takeKeys(block, count, i => rows.row(block, records[i]!.summary, beside, i))
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
  const beside = rows.beside(block, count)
  for (let i = 0; i < count; i++) {
    const arm = tally.holdArm(nameAt(names, heads[2 * i]!), nameAt(names, heads[2 * i + 1]!))
    rows.row(block, arm.summary, beside, i)
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
  const beside = rows.beside(block, count)
  for (let i = 0; i < count; i++) {
    const arm = arms[heads[4 * i]!]
    if (arm === undefined) throw new RangeError('a cell without an arm')
    const cell = tally.holdCell(arm, {
      agent_name: nameAt(names, heads[4 * i + 1]!),
      model_name: nameAt(names, heads[4 * i + 2]!),
      issue_type: nameAt(names, heads[4 * i + 3]!),
    })
    rows.row(block, cell.summary, beside, i)
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
  const beside = rows.beside(block, count)
  for (let i = 0; i < count; i++) {
    const owner = all[numbers[i]!]
    if (owner === undefined) throw new RangeError('a bucket without an owner')
    const startMs = starts[i]!
    restore.put(tier, owner, startMs, row => rows.row(block, row, beside, i))
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
