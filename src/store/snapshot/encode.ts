/** Encodes a snapshot: the exact state at a position of the log, as blocks of bytes. */
import type { ArmCell } from '../../core/aggregate/arm-cells.ts'
import type { Bucket, BucketOwner } from '../../core/aggregate/buckets.ts'
import type { DedupWindow } from '../../core/aggregate/dedup-window.ts'
import { storedPlan } from '../../core/aggregate/experiment-plan.ts'
import { savedOlder } from '../../core/aggregate/older-outcomes.ts'
import { recentCount } from '../../core/aggregate/recent.ts'
import type { Series } from '../../core/aggregate/series.ts'
import type { ArmTally, KeyTally, Tally } from '../../core/aggregate/tally.ts'
import { type AlertsState, createAlertsState } from '../../core/alerts/lifecycle.ts'
import type { Limits } from '../../core/fold.ts'
import { alertsJson } from '../alert-json.ts'
import { createBlock, type NewBlock, roomOf } from './block.ts'
import { encodeHead } from './head.ts'
import { putKeys, ROW_ROOM, roomOfKeys } from './key-block.ts'
import { putOutcomes, roomOfOutcomes } from './outcome-column.ts'
import { OWN_SCHEMA } from './schema.ts'
import { encodeSeries } from './series-block.ts'
import { putTasks, roomOfTasks } from './task-column.ts'
import { encodeTexts } from './text-block.ts'

/** The maximum number of entries in one block, which is then at most a megabyte. */
const PER_BLOCK = { names: 4096, keys: 256, arms: 512, cells: 512, buckets: 512, ids: 65_536, series: 2048 }
/** Rows encoded between two yields. */
const ROWS_A_STEP = 64

/** The state to encode. */
export interface Counted {
  readonly tally: Tally
  readonly ids: DedupWindow
  readonly series: Series
  readonly alerts?: Readonly<AlertsState>
  /** The limits in force, if they belong to the log. */
  readonly limits?: Limits | undefined
}

/**
 * Yields the state block by block, and undefined between them where it may be interrupted. Nothing may be counted until it returns.
 * `newBlock` creates the blocks in order. The head states the number of entries of each kind. Every other block begins with its number of
 * entries. Changes nothing.
 */
export function* encodeState(
  { tally, ids, series, alerts, limits }: Counted,
  newBlock: NewBlock = createBlock,
): Generator<Uint8Array | undefined> {
  const hidden = [...tally.hiddenKeys()]
  const [keys, arms] = [[...tally.keys(), ...hidden], tally.allArms()]
  const cells = arms.flatMap((arm, number) => [...arm.cells.values()].map(cell => ({ arm: number, cell })))
  const owners = [...keys, ...arms, ...cells.map(({ cell }) => cell)]
  const saves = tally.times.save()
  const buckets: Bucket[][] = []
  for (const tier of saves.keys()) buckets.push(yield* gathered(tally.times.buckets(tier)))
  const names = yield* numbersOf(namesIn(keys, arms, cells))
  yield encodeHead({
    schema: OWN_SCHEMA,
    tiers: saves.map((save, tier) => ({ ...save, buckets: buckets[tier]!.length })),
    counts: {
      names: names.size,
      keys: keys.length,
      hidden: hidden.length,
      arms: arms.length,
      cells: cells.length,
      ids: ids.size,
      series: series.states.size,
    },
    overflowed: tally.overflowed(),
    seed: ids.save(0, 0).seed,
    limits,
    forgottenMs: series.forgottenMs,
    alerts: alertsJson(alerts ?? createAlertsState()),
    plans: JSON.stringify([...tally.plans].map(([experiment, plan]) => [experiment, storedPlan(plan)])),
  })
  yield* blocksOf([...names.keys()], PER_BLOCK.names, some => encodeTexts(some, newBlock))
  yield* blocksOf(keys, PER_BLOCK.keys, some => encodeKeys(some, names, newBlock))
  yield* blocksOf(arms, PER_BLOCK.arms, some => encodeArms(some, names, newBlock))
  yield* blocksOf(cells, PER_BLOCK.cells, some => encodeCells(some, names, newBlock))
  const ownerNumbers = yield* numbersOf(owners)
  for (const ofTier of buckets)
    yield* blocksOf(ofTier, PER_BLOCK.buckets, some => encodeBuckets(some, ownerNumbers, newBlock))
  for (let from = 0; from < ids.size; from += PER_BLOCK.ids) yield encodeIds(ids, from, newBlock)
  yield* blocksOf([...series.states], PER_BLOCK.series, some => encodeSeries(some, newBlock))
}

function* blocksOf<T>(
  values: readonly T[],
  perBlock: number,
  encode: (some: readonly T[]) => Encoding | Uint8Array,
): Generator<Uint8Array | undefined> {
  for (let from = 0; from < values.length; from += perBlock) {
    const block = encode(values.slice(from, from + perBlock))
    yield block instanceof Uint8Array ? block : yield* block
  }
}

/** Encodes a block in steps. */
type Encoding = Generator<undefined, Uint8Array>

/** A cell, and the number of its arm. */
interface NumberedCell {
  readonly arm: number
  readonly cell: ArmCell
}

function* namesIn(
  keys: readonly KeyTally[],
  arms: readonly ArmTally[],
  cells: readonly NumberedCell[],
): Generator<string> {
  for (const { key } of keys) {
    yield key.agent_name
    yield key.model_name
    yield key.issue_type
  }
  for (const { experiment, variant } of arms) {
    yield experiment
    yield variant
  }
  // Names of cells are also names of keys, except the overflow name.
  for (const { cell } of cells) yield cell.key.agent_name
}

/** Numbers the distinct values in the order of their first occurrence. */
function* numbersOf<T>(values: Iterable<T>): Generator<undefined, Map<T, number>> {
  const numbers = new Map<T, number>()
  let steps = 0
  for (const value of values) {
    if (!numbers.has(value)) numbers.set(value, numbers.size)
    if (++steps % PER_BLOCK.names === 0) yield
  }
  return numbers
}

function* gathered<T>(values: Iterable<T>): Generator<undefined, T[]> {
  const all: T[] = []
  for (const value of values) if (all.push(value) % PER_BLOCK.names === 0) yield
  return all
}

/** The start of each owner's open bucket. NaN if it has none. */
const opensOf = (owners: readonly BucketOwner[]): Float64Array =>
  Float64Array.from(owners, ({ open }) => open?.startMs ?? Number.NaN)

function* encodeKeys(keys: readonly KeyTally[], names: ReadonlyMap<string, number>, newBlock: NewBlock): Encoding {
  const older = keys.map(({ recent }) => savedOlder(recent.older))
  const olderNumbers = older.reduce((sum, { length }) => sum + length, 0)
  const block = newBlock(
    1 +
      3 * keys.length +
      roomOfTasks(keys) +
      roomOfOutcomes(keys) +
      roomOfKeys(keys) +
      roomOf(4 * keys.length) +
      olderNumbers,
  )
  const heads = new Uint32Array(4 * keys.length)
  for (const [i, { key, recent }] of keys.entries()) {
    heads[4 * i] = names.get(key.agent_name)!
    heads[4 * i + 1] = names.get(key.model_name)!
    heads[4 * i + 2] = names.get(key.issue_type)!
    heads[4 * i + 3] = recentCount(recent)
  }
  block.double(keys.length)
  block.put(heads)
  block.put(opensOf(keys))
  putTasks(block, keys)
  putOutcomes(block, keys)
  yield* putKeys(block, keys, ROWS_A_STEP)
  block.put(Uint32Array.from(older, ({ length }) => length))
  for (const [i, numbers] of older.entries()) {
    block.put(Float64Array.from(numbers))
    if (i % ROWS_A_STEP === 0) yield
  }
  return block.bytes()
}

function* encodeArms(arms: readonly ArmTally[], names: ReadonlyMap<string, number>, newBlock: NewBlock): Encoding {
  const block = newBlock(1 + arms.length * (2 + ROW_ROOM) + roomOfTasks(arms) + roomOfOutcomes(arms))
  block.double(arms.length)
  block.put(Uint32Array.from(arms.flatMap(({ experiment, variant }) => [names.get(experiment)!, names.get(variant)!])))
  block.put(opensOf(arms))
  putTasks(block, arms)
  putOutcomes(block, arms)
  for (const { summary } of arms) block.row(summary)
  return block.bytes()
}

function* encodeCells(
  cells: readonly NumberedCell[],
  names: ReadonlyMap<string, number>,
  newBlock: NewBlock,
): Encoding {
  const own = cells.map(({ cell }) => cell)
  const block = newBlock(1 + cells.length * (3 + ROW_ROOM) + roomOfTasks(own) + roomOfOutcomes(own))
  const heads = cells.flatMap(({ arm, cell: { key } }) => [
    arm,
    names.get(key.agent_name)!,
    names.get(key.model_name)!,
    names.get(key.issue_type)!,
  ])
  block.double(cells.length)
  block.put(Uint32Array.from(heads))
  block.put(opensOf(own))
  putTasks(block, own)
  putOutcomes(block, own)
  for (const { summary } of own) block.row(summary)
  return block.bytes()
}

function* encodeBuckets(
  buckets: readonly Bucket[],
  owners: ReadonlyMap<BucketOwner, number>,
  newBlock: NewBlock,
): Encoding {
  const block = newBlock(1 + buckets.length * (2 + ROW_ROOM) + roomOfTasks(buckets) + roomOfOutcomes(buckets))
  block.double(buckets.length)
  block.put(Uint32Array.from(buckets, bucket => owners.get(bucket.of)!))
  block.put(Float64Array.from(buckets, bucket => bucket.startMs))
  putTasks(block, buckets)
  putOutcomes(block, buckets)
  for (const [i, { summary }] of buckets.entries()) {
    block.row(summary)
    if (i % ROWS_A_STEP === 0) yield
  }
  return block.bytes()
}

function encodeIds(ids: DedupWindow, from: number, newBlock: NewBlock): Uint8Array {
  const { hashes, times } = ids.save(from, PER_BLOCK.ids)
  const block = newBlock(1 + 2 * times.length)
  block.double(times.length)
  block.put(hashes)
  block.put(times)
  return block.bytes()
}
