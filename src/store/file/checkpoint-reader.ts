/** The blocks of a checkpoint back into an empty tally and series. */

import type { TimeTiersState } from '../../core/aggregate/buckets.ts'
import { createIdWindow, type IdWindow, type IdWindowOptions } from '../../core/aggregate/dedup-window.ts'
import { unpackRow } from '../../core/aggregate/packed-rows.ts'
import type { Recent } from '../../core/aggregate/recent.ts'
import type { Series, SeriesState } from '../../core/aggregate/series.ts'
import type { BucketRows } from '../../core/aggregate/sleeping-buckets.ts'
import { SUMMARY_WIDTH } from '../../core/aggregate/summary.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { planTiers, type TierPlan } from '../../core/aggregate/tier-plan.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import type { AttemptKey } from '../../core/attempt/attempt.ts'
import { type BlockReader, createBlockReader } from './block.ts'
import { takeKeys } from './key-block.ts'

/** What was read besides what went into the tally and the series. */
export interface RestoredState {
  readonly ids: IdWindow
  readonly resetAt: number
  readonly records: number
  /** What becomes of the tiers it holds: what the journal must give is not there yet. */
  readonly plan: TierPlan
  readonly savedTiers: readonly TierSave[]
  /** Ids it holds, of which the window may have room for fewer. */
  readonly savedIds: number
}

/** Decides what becomes of the tiers of a checkpoint. */
export type PlanTiers = (saved: readonly TierSave[]) => TierPlan

/** What takes the blocks in, one by one; answers when it was given the last. */
export type StateDecoder = Generator<void, RestoredState, Uint8Array>

/** Whose buckets there are, by number. */
type Owners = TimeTiersState[]

/**
 * Decodes blocks as `encodeState` made them, whose memory it takes over: most of what is restored stays there. Throws where they are not such.
 * All keys and arms are taken in, whatever the tally's limits.
 */
export function* decodeState(
  tally: Tally,
  series: Series,
  idOptions: Omit<IdWindowOptions, 'seed'>,
  planned: PlanTiers = saved => planTiers({ wanted: tally.wantedTiers, saved, nowMs: 0 }),
): StateDecoder {
  const head = createBlockReader(yield)
  const [width, resetAt, overflowed, seed1, seed2, forgottenMs] = read(head, 6)
  const [nameCount, keyCount, armCount, tierCount, idCount, seriesCount] = read(head, 6)
  if (width !== SUMMARY_WIDTH) throw new RangeError('summaries of another width')
  const tiers = Array.from({ length: tierCount! }, () => read(head, 3))
  const keeps = read(head, tierCount!)
  const savedTiers = tiers.map(([spanMs, floorMs], i) => ({ spanMs: spanMs!, floorMs: floorMs!, keepMs: keeps[i]! }))
  const records = head.double()
  const plan = planned(savedTiers)
  applyPlan(tally, plan)
  tally.restoreOverflowed(overflowed!)
  const names: string[] = []
  for (let left = nameCount!; left > 0; ) left -= decodeTexts(createBlockReader(yield), names)
  const owners: Owners = []
  for (let left = keyCount!; left > 0; ) left -= decodeKeys(createBlockReader(yield), names, tally, owners)
  for (let left = armCount!; left > 0; ) left -= decodeArms(createBlockReader(yield), names, tally, owners)
  for (const [number, [, , bucketCount]] of tiers.entries()) {
    const put = putRows(tally, plan, savedTiers, number)
    for (let left = bucketCount!; left > 0; ) left -= decodeBuckets(createBlockReader(yield), owners, put)
  }
  tally.times.arrange()
  const ids = createIdWindow({ ...idOptions, seed: [seed1!, seed2!], expected: idCount! })
  for (let left = idCount!; left > 0; ) left -= decodeIds(createBlockReader(yield), ids)
  const states: [string, SeriesState][] = []
  for (let left = seriesCount!; left > 0; ) left -= decodeSeries(createBlockReader(yield), states)
  series.restore(forgottenMs!, states)
  return { ids, resetAt: resetAt!, records, plan, savedTiers, savedIds: idCount! }
}

/** Gives the tally the tiers of a plan. */
function applyPlan({ times }: Tally, { tiers }: TierPlan): void {
  times.reshape(tiers)
  for (const [tier, { floorMs }] of tiers.entries()) times.restoreFloor(tier, floorMs)
}

/** Puts buckets of a checkpoint's tier `number` where a plan wants them. */
function putRows(
  { times }: Tally,
  { tiers }: TierPlan,
  saved: readonly TierSave[],
  number: number,
): (rows: BucketRows) => void {
  const own = saved[number]!
  const puts = tiers.flatMap(({ source, spanMs, keepMs }, tier) => {
    if (source !== number) return []
    // Where buckets did not leave before, the checkpoint does not have them in the order in which they leave.
    const isOrdered = Number.isFinite(own.keepMs) || !Number.isFinite(keepMs)
    const isOwn = spanMs === own.spanMs && isOrdered
    return [(rows: BucketRows): void => (isOwn ? times.restore(tier, rows) : times.derive(tier, rows))]
  })
  return rows => {
    for (const put of puts) put(rows)
  }
}

const read = (block: BlockReader, count: number): number[] => [...block.doubles(count)]

/** How many of them stand in a block: it throws where that is not at least one. */
function countIn(block: BlockReader): number {
  const [count = 0] = block.doubles(1)
  if (!(count > 0)) throw new RangeError('an empty block')
  return count
}

function decodeTexts(block: BlockReader, into: string[]): number {
  const count = countIn(block)
  const lengths = block.words(count)
  let total = 0
  for (const length of lengths) total += length
  const bytes = Buffer.from(block.bytes(total))
  let at = 0
  for (const length of lengths) {
    into.push(bytes.toString('utf8', at, at + length))
    at += length
  }
  return count
}

function nameAt(names: readonly string[], number: number): string {
  const name = names[number]
  if (name === undefined) throw new RangeError('a name is missing')
  return name
}

function decodeKeys(block: BlockReader, names: readonly string[], tally: Tally, owners: Owners): number {
  const count = countIn(block)
  const heads = block.words(4 * count)
  const { added, held, rows, numbers, flags } = takeKeys(block, count)
  const keys: AttemptKey[] = []
  const recents: Recent[] = []
  let first = 0
  for (let i = 0; i < count; i++) {
    keys.push({
      agent_name: nameAt(names, heads[4 * i]!),
      model_name: nameAt(names, heads[4 * i + 1]!),
      issue_type: nameAt(names, heads[4 * i + 2]!),
    })
    const places = held[i]!
    if (heads[4 * i + 3] !== places) throw new RangeError('recent attempts of another number')
    recents.push({ numbers, flags, first, places, added: Math.trunc(added[i]!) })
    first += places
  }
  for (const record of tally.restore({ keys, recents, starts: rows.starts, packed: rows })) owners.push(record)
  return count
}

function decodeArms(block: BlockReader, names: readonly string[], tally: Tally, owners: Owners): number {
  const count = countIn(block)
  const heads = block.words(2 * count)
  const { starts, ...packed } = block.rows(count, SUMMARY_WIDTH)
  for (let i = 0; i < count; i++) {
    const arm = tally.holdArm(nameAt(names, heads[2 * i]!), nameAt(names, heads[2 * i + 1]!))
    unpackRow(packed, starts[i]!, SUMMARY_WIDTH, arm.summary)
    owners.push(arm)
  }
  return count
}

function decodeBuckets(block: BlockReader, owners: Owners, put: (rows: BucketRows) => void): number {
  const count = countIn(block)
  const numbers = block.words(count)
  const startMs = block.doubles(count)
  const rows = block.rows(count, SUMMARY_WIDTH)
  const states: Owners = []
  for (let i = 0; i < count; i++) {
    const owner = owners[numbers[i]!]
    if (owner === undefined) throw new RangeError('a bucket of nobody')
    states.push(owner)
  }
  put({ states, startMs, starts: rows.starts, packed: rows })
  return count
}

function decodeIds(block: BlockReader, ids: IdWindow): number {
  const count = countIn(block)
  const hashes = block.words(2 * count)
  ids.restore(hashes, block.doubles(count))
  return count
}

function decodeSeries(block: BlockReader, into: [string, SeriesState][]): number {
  const texts: string[] = []
  const count = decodeTexts(block, texts)
  const times = block.doubles(3 * count)
  const lengths = block.words(count)
  let total = 0
  for (const length of lengths) total += length
  const values = new Float64Array(total)
  const { starts, ...packed } = block.rows(1, total)
  unpackRow(packed, starts[0]!, total, values)
  let at = 0
  for (const [i, id] of texts.entries()) {
    const [startMs = 0, timeMs = 0, heardMs = 0] = times.subarray(3 * i, 3 * i + 3)
    into.push([id, { startMs, timeMs, heardMs, values: [...values.subarray(at, at + lengths[i]!)] }])
    at += lengths[i]!
  }
  return count
}
