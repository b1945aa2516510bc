/** Blocks of metric series. */
import { type SeriesState, withoutBuckets } from '../../core/aggregate/series.ts'
import { type BlockReader, createBlock, type NewBlock, roomOf } from './block.ts'
import { sparseRoom } from './sparse-row.ts'
import { decodeTexts, encodeTexts, sum } from './text-block.ts'

/** A block of series: their ids, times, values and intervals. */
export function encodeSeries(series: readonly (readonly [string, SeriesState])[], newBlock: NewBlock): Uint8Array {
  const values = Float64Array.from(series.flatMap(([, state]) => state.values))
  const texts = encodeTexts(
    series.map(([id]) => id),
    createBlock,
  )
  const intervals = Float64Array.from(series.flatMap(([, state]) => state.intervals))
  const block = newBlock(
    roomOf(texts.length) + 5 * series.length + 1 + sparseRoom(values.length) + sparseRoom(intervals.length),
  )
  block.put(texts)
  block.put(Float64Array.from(series.flatMap(([, { startMs, timeMs, heardMs }]) => [startMs, timeMs, heardMs])))
  block.put(Uint32Array.from(series, ([, state]) => state.values.length))
  block.row(values)
  block.put(Uint32Array.from(series, ([, state]) => state.intervals.length))
  block.row(intervals)
  return block.bytes()
}

/** Reads the series of a block of {@link encodeSeries}. Drops the buckets of histograms with other bounds. Returns how many series there are. */
export function decodeSeries(block: BlockReader, into: [string, SeriesState][], hasOwnBounds: boolean): number {
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
