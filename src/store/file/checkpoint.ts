/** A checkpoint: all that was counted up to a position of the journal, to the last bit, as bytes and back. */
import { createIdWindow, type IdWindow, type IdWindowOptions } from '../../core/id-window.ts'
import type { Recent } from '../../core/recent.ts'
import type { Series, SeriesState } from '../../core/series.ts'
import { mergeInto, SUMMARY_WIDTH, totalAttempts } from '../../core/summary.ts'
import { type ArmTally, type KeyTally, matches, type Tally } from '../../core/tally.ts'
import type { MadeBucket } from '../../core/time-tiers.ts'
import { type ByteReader, type ByteWriter, createByteReader } from './bytes.ts'
import type { Position } from './position.ts'

/** A hash and a time. */
const ID_BYTES = 16
/** The width of summaries in the first version of the format, in which nothing stood behind the ids. */
const FIRST_WIDTH = 112
/** Ids written at a stretch. */
const IDS_AT_ONCE = 8192
/** Numbers a recent attempt takes: time, confidence, seconds. */
const RECENT_COLUMNS = 3
/** Buckets written or read at a stretch. */
const BUCKETS_AT_ONCE = 32
/** Series written or read at a stretch. */
const SERIES_AT_ONCE = 256

export interface CheckpointState {
  /** All of the journal before it is counted. */
  readonly position: Position
  /** Segments before it hold only what a reset has forgotten. */
  readonly resetAt: number
}

type Owner = KeyTally | ArmTally

/** Writes the state step by step: nothing may be counted before the last step. */
export function* encodeState(
  writer: ByteWriter,
  { position, resetAt }: CheckpointState,
  tally: Tally,
  ids: IdWindow,
  series: Series,
): Generator<void> {
  writer.double(position.segment)
  writer.double(position.offset)
  writer.double(resetAt)
  writer.word(SUMMARY_WIDTH)
  writer.double(tally.overflowed())
  const keys = tally.keys()
  writer.word(keys.length)
  for (const { key, summary, recent } of keys) {
    for (const name of [key.agent_name, key.model_name, key.issue_type]) writer.text(name)
    writer.sparse(summary)
    writer.double(recent.added)
    writer.word(recent.flags.length)
    writer.raw(recent.numbers)
    writer.raw(recent.flags)
    yield
  }
  const arms = tally.arms()
  writer.word(arms.length)
  for (const { experiment, variant, summary } of arms) {
    writer.text(experiment)
    writer.text(variant)
    writer.sparse(summary)
    yield
  }
  yield* encodeTiers(writer, tally, [...keys, ...arms])
  yield* encodeIds(writer, ids)
  yield* encodeSeries(writer, series)
}

/** Buckets stand in the order in which they leave, so that the same ones leave after a restart. */
function* encodeTiers(writer: ByteWriter, tally: Tally, owners: readonly Owner[]): Generator<void> {
  const saves = tally.times.save()
  writer.word(saves.length)
  for (const [tier, { spanMs, floorMs, leaving }] of saves.entries()) {
    writer.double(spanMs)
    writer.double(floorMs)
    const numbers = new Map(owners.map(({ tiers }, number) => [tiers[tier]!, number]))
    let count = 0
    for (const { tiers } of owners) count += tiers[tier]!.size
    writer.word(count)
    yield
    let written = 0
    for (const { buckets, startMs } of leaving ?? bucketsOf(owners, tier)) {
      writer.word(numbers.get(buckets)!)
      writer.double(startMs)
      writer.sparse(buckets.get(startMs)!)
      if (++written % BUCKETS_AT_ONCE === 0) yield
    }
  }
}

function* bucketsOf(owners: readonly Owner[], tier: number): Generator<MadeBucket> {
  for (const { tiers } of owners) {
    const buckets = tiers[tier]!
    for (const startMs of buckets.keys()) yield { buckets, startMs }
  }
}

function* encodeIds(writer: ByteWriter, ids: IdWindow): Generator<void> {
  const { seed } = ids.save(0, 0)
  for (const part of seed) writer.word(part >>> 0)
  writer.word(ids.size)
  for (let from = 0; from < ids.size; from += IDS_AT_ONCE) {
    const { hashes, times } = ids.save(from, IDS_AT_ONCE)
    writer.word(times.length)
    writer.raw(hashes)
    writer.raw(times)
    yield
  }
}

function* encodeSeries(writer: ByteWriter, { forgottenMs, states }: Series): Generator<void> {
  writer.double(forgottenMs)
  writer.word(states.size)
  let written = 0
  for (const [id, { startMs, timeMs, heardMs, values }] of states) {
    writer.text(id)
    for (const ms of [startMs, timeMs, heardMs]) writer.double(ms)
    writer.word(values.length)
    writer.sparse(Float64Array.from(values))
    if (++written % SERIES_AT_ONCE === 0) yield
  }
}

/** What was read besides what went into the tally and the series. */
export interface RestoredState extends CheckpointState {
  readonly ids: IdWindow
}

/**
 * Reads a state into an empty tally and series, step by step. Throws where it is not one. Keys and arms beyond the tally's bounds are taken
 * in as it takes in attempts of such.
 */
export function* decodeState(
  bytes: Buffer,
  tally: Tally,
  series: Series,
  idOptions: Omit<IdWindowOptions, 'seed'>,
): Generator<void, RestoredState> {
  const reader = createByteReader(bytes)
  const position = { segment: reader.double(), offset: reader.double() }
  const resetAt = reader.double()
  const width = reader.word()
  if (width !== SUMMARY_WIDTH && width !== FIRST_WIDTH) throw new RangeError('summaries of another width')
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
    } else mergeInto(record.summary, summary)
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
  return { position, resetAt, ids }
}

function readRecent(reader: ByteReader): Recent {
  const added = reader.double()
  const places = reader.word()
  return { added, numbers: reader.doubles(places * RECENT_COLUMNS), flags: reader.bytes(places) }
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
    tally.times.restoreFloor(tier, reader.double())
    for (let buckets = reader.word(); buckets > 0; buckets--) {
      const owner = owners[reader.word()]
      const startMs = reader.double()
      const summary = reader.sparse(width, SUMMARY_WIDTH)
      const known = owner?.tiers[tier]?.get(startMs)
      if (known !== undefined) mergeInto(known, summary)
      else if (owner !== undefined && tier >= 0) tally.times.restore(owner.tiers, tier, startMs, summary)
      if (buckets % BUCKETS_AT_ONCE === 0) yield
    }
  }
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
  return createIdWindow({ ...options, seed }, { seed, hashes, times })
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
