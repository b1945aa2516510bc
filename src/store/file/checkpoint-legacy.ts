/** Checkpoints as earlier versions wrote them, formats 1 and 2: read, never written. */
import { createIdWindow, type IdWindow, type IdWindowOptions } from '../../core/aggregate/dedup-window.ts'
import { packedRoom, packRow } from '../../core/aggregate/packed-rows.ts'
import { RECENT_COLUMNS, RECENT_LIMIT, type Recent } from '../../core/aggregate/recent.ts'
import type { Series, SeriesState } from '../../core/aggregate/series.ts'
import type { BucketRows } from '../../core/aggregate/sleeping-buckets.ts'
import { SUMMARY_WIDTH } from '../../core/aggregate/summary.ts'
import type { ArmTally, KeyTally, Tally } from '../../core/aggregate/tally.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { type ByteReader, createByteReader } from './bytes.ts'
import { applyPlan, type PlanTiers, putRows, type RestoredState } from './checkpoint-reader.ts'

/** A hash and a time. */
const ID_BYTES = 16
/** The widths of summaries: in the first version of the format nothing stood behind the ids. */
const FIRST_WIDTH = 112
const SECOND_WIDTH = 144
/** The state begins with its position: two doubles. */
const POSITION_BYTES = 16
/** Buckets and series read at a stretch. */
const BUCKETS_AT_ONCE = 256
const SERIES_AT_ONCE = 256

type Owner = KeyTally | ArmTally

/**
 * Reads a state into an empty tally and series, step by step. Throws where it is not one. All keys and arms are taken in, whatever the
 * tally's limits.
 */
export function* decodeLegacyState(
  bytes: Buffer,
  tally: Tally,
  series: Series,
  idOptions: Omit<IdWindowOptions, 'seed'>,
  planned: PlanTiers,
): Generator<void, RestoredState> {
  const reader = createByteReader(bytes)
  reader.bytes(POSITION_BYTES)
  const resetAt = reader.double()
  const width = reader.word()
  if (width !== SECOND_WIDTH && width !== FIRST_WIDTH) throw new RangeError('summaries of another width')
  tally.restoreOverflowed(reader.double())
  const owners: Owner[] = []
  for (let left = reader.word(); left > 0; left--) {
    const key = { agent_name: reader.text(), model_name: reader.text(), issue_type: reader.text() }
    const record = tally.hold(key)
    record.summary.set(reader.sparse(width, SUMMARY_WIDTH))
    Object.assign(record.recent, readRecent(reader))
    owners.push(record)
    yield
  }
  for (let left = reader.word(); left > 0; left--) {
    const arm = tally.holdArm(reader.text(), reader.text())
    arm.summary.set(reader.sparse(width, SUMMARY_WIDTH))
    owners.push(arm)
    yield
  }
  const tiers = yield* readTiers(reader, owners, width)
  const savedTiers = tiers.map(({ save }) => save)
  const plan = planned(savedTiers)
  applyPlan(tally, plan)
  for (const [number, { rows }] of tiers.entries()) rows.forEach(putRows(tally, plan, savedTiers, number))
  tally.times.arrange()
  const { ids, savedIds } = decodeIds(reader, idOptions)
  if (width !== FIRST_WIDTH) yield* decodeSeries(reader, series)
  if (reader.left !== 0) throw new RangeError('goes on behind its end')
  return { resetAt, ids, records: undefined, plan, savedTiers, savedIds }
}

function readRecent(reader: ByteReader): Recent {
  const added = reader.double()
  const places = reader.word()
  if (places < Math.min(added, RECENT_LIMIT)) throw new RangeError('fewer recent attempts than there were')
  const numbers = reader.doubles(places * RECENT_COLUMNS)
  return { added, numbers, flags: reader.bytes(places), first: 0, places }
}

interface SavedTier {
  readonly save: TierSave
  readonly rows: BucketRows[]
}

function* readTiers(reader: ByteReader, owners: readonly Owner[], width: number): Generator<void, SavedTier[]> {
  const tiers: SavedTier[] = []
  for (let left = reader.word(); left > 0; left--) {
    const save = { spanMs: reader.double(), floorMs: reader.double(), keepMs: Number.NaN }
    const rows: BucketRows[] = []
    for (let left = reader.word(); left > 0; left -= BUCKETS_AT_ONCE) {
      rows.push(readBuckets(reader, Math.min(left, BUCKETS_AT_ONCE), owners, width))
      yield
    }
    tiers.push({ save, rows })
  }
  return tiers
}

function readBuckets(reader: ByteReader, count: number, owners: readonly Owner[], width: number): BucketRows {
  const doubles = new Float64Array(count * packedRoom(SUMMARY_WIDTH))
  const packed = { doubles, words: new Uint32Array(doubles.buffer) }
  const [states, startMs, starts]: [Owner[], Float64Array, number[]] = [[], new Float64Array(count), []]
  for (let row = 0, end = 0; row < count; row++) {
    const owner = owners[reader.word()]
    if (owner === undefined) throw new RangeError('a bucket of nobody')
    states.push(owner)
    startMs[row] = reader.double()
    starts.push(end)
    end = packRow(packed, end, reader.sparse(width, SUMMARY_WIDTH))
  }
  return { states, startMs, starts, packed }
}

function decodeIds(
  reader: ByteReader,
  options: Omit<IdWindowOptions, 'seed'>,
): { readonly ids: IdWindow; readonly savedIds: number } {
  const seed = [reader.word(), reader.word()] as const
  const total = reader.word()
  if (total * ID_BYTES > reader.left) throw new RangeError('ends too early')
  const hashes = new Uint32Array(2 * total)
  const times = new Float64Array(total)
  for (let from = 0; from < total; ) {
    const count = reader.word()
    hashes.set(reader.words(2 * count), 2 * from)
    times.set(reader.doubles(count), from)
    from += count
  }
  const ids = createIdWindow({ ...options, seed, expected: total })
  ids.restore(hashes, times)
  return { ids, savedIds: total }
}

function* decodeSeries(reader: ByteReader, series: Series): Generator<void> {
  const forgottenMs = reader.double()
  const states: [string, SeriesState][] = []
  for (let left = reader.word(); left > 0; left--) {
    const id = reader.text()
    const [startMs, timeMs, heardMs] = [reader.double(), reader.double(), reader.double()]
    states.push([id, { startMs, timeMs, heardMs, values: [...reader.sparse(reader.word())] }])
    if (left % SERIES_AT_ONCE === 0) yield
  }
  series.restore(forgottenMs, states)
}
