/** Checkpoints as earlier versions wrote them, formats 1 and 2: read, never written. */
import { SHARED } from '../../core/buckets.ts'
import { createIdWindow, type IdWindow, type IdWindowOptions } from '../../core/id-window.ts'
import { packedRoom, packRow } from '../../core/packed-rows.ts'
import { RECENT_COLUMNS, RECENT_LIMIT, type Recent } from '../../core/recent.ts'
import type { Series, SeriesState } from '../../core/series.ts'
import type { BucketRows } from '../../core/sleeping-buckets.ts'
import { mergeInto, SUMMARY_WIDTH, totalAttempts } from '../../core/summary.ts'
import { type ArmTally, type KeyTally, matches, type Tally } from '../../core/tally.ts'
import { type ByteReader, createByteReader } from './bytes.ts'
import type { RestoredState } from './checkpoint-reader.ts'

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
 * Reads a state into an empty tally and series, step by step. Throws where it is not one. Keys and arms beyond the tally's bounds are taken
 * in as it takes in attempts of such.
 */
export function* decodeLegacyState(
  bytes: Buffer,
  tally: Tally,
  series: Series,
  idOptions: Omit<IdWindowOptions, 'seed'>,
): Generator<void, RestoredState> {
  const reader = createByteReader(bytes)
  reader.bytes(POSITION_BYTES)
  const resetAt = reader.double()
  const width = reader.word()
  if (width !== SECOND_WIDTH && width !== FIRST_WIDTH) throw new RangeError('summaries of another width')
  let overflowed = reader.double()
  const owners: (Owner | undefined)[] = []
  for (let left = reader.word(); left > 0; left--) {
    const key = { agent_name: reader.text(), model_name: reader.text(), issue_type: reader.text() }
    const record = tally.open(key)
    const summary = reader.sparse(width, SUMMARY_WIDTH)
    const recent = readRecent(reader)
    const attempts = totalAttempts(summary)
    if (!matches(record.key, key)) overflowed += attempts
    if (record.recent.added === 0 && totalAttempts(record.summary) === 0) {
      record.summary.set(summary)
      if (matches(record.key, key)) Object.assign(record.recent, recent)
    } else {
      mergeInto(record.summary, summary)
      record.asleep = SHARED
    }
    owners.push(record)
    yield
  }
  tally.restoreOverflowed(overflowed)
  for (let left = reader.word(); left > 0; left--) {
    const arm = tally.openArm(reader.text(), reader.text())
    const summary = reader.sparse(width, SUMMARY_WIDTH)
    arm?.summary.set(summary)
    owners.push(arm)
    yield
  }
  yield* decodeTiers(reader, tally, owners, width)
  const ids = decodeIds(reader, idOptions)
  if (width !== FIRST_WIDTH) yield* decodeSeries(reader, series)
  if (reader.left !== 0) throw new RangeError('goes on behind its end')
  return { resetAt, ids, records: undefined }
}

function readRecent(reader: ByteReader): Recent {
  const added = reader.double()
  const places = reader.word()
  if (places < Math.min(added, RECENT_LIMIT)) throw new RangeError('fewer recent attempts than there were')
  const numbers = reader.doubles(places * RECENT_COLUMNS)
  return { added, numbers, flags: reader.bytes(places), first: 0, places }
}

function* decodeTiers(
  reader: ByteReader,
  tally: Tally,
  owners: readonly (Owner | undefined)[],
  width: number,
): Generator<void> {
  const spans = tally.times.save().map(({ spanMs }) => spanMs)
  for (let left = reader.word(); left > 0; left--) {
    // Tiers are a matter of configuration: buckets of a span that is kept no more are read and dropped.
    const tier = spans.indexOf(reader.double())
    const floorMs = reader.double()
    if (tier >= 0) tally.times.restoreFloor(tier, floorMs)
    for (let left = reader.word(); left > 0; left -= BUCKETS_AT_ONCE) {
      const rows = readBuckets(reader, Math.min(left, BUCKETS_AT_ONCE), owners, width)
      if (tier >= 0) tally.times.restore(tier, rows)
      yield
    }
  }
}

function readBuckets(
  reader: ByteReader,
  count: number,
  owners: readonly (Owner | undefined)[],
  width: number,
): BucketRows {
  const doubles = new Float64Array(count * packedRoom(SUMMARY_WIDTH))
  const packed = { doubles, words: new Uint32Array(doubles.buffer) }
  const [states, startMs, starts]: [BucketRows['states'], Float64Array, number[]] = [[], new Float64Array(count), []]
  for (let row = 0, end = 0; row < count; row++) {
    states.push(owners[reader.word()])
    startMs[row] = reader.double()
    starts.push(end)
    end = packRow(packed, end, reader.sparse(width, SUMMARY_WIDTH))
  }
  return { states, startMs, starts, packed }
}

function decodeIds(reader: ByteReader, options: Omit<IdWindowOptions, 'seed'>): IdWindow {
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
  const ids = createIdWindow({ ...options, seed })
  ids.restore(hashes, times)
  return ids
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
