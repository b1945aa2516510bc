/** Columns of keys in a block: the summary and the recent attempts of each key. Snapshots and copies for the document use it. */
import { RECENT_COLUMNS, RECENT_LIMIT, recentCount, recentFlags, recentNumbers } from '../../core/aggregate/recent.ts'
import { SUMMARY_WIDTH } from '../../core/aggregate/summary.ts'
import type { KeyTally } from '../../core/aggregate/tally.ts'
import { type BlockReader, type BlockWriter, roomOf } from './block.ts'
import { sparseRoom } from './sparse-row.ts'

/** The maximum number of doubles of a summary in a block. */
export const ROW_ROOM: number = sparseRoom(SUMMARY_WIDTH)

/** The maximum number of doubles that {@link putKeys} writes. */
export function roomOfKeys(keys: readonly KeyTally[]): number {
  let places = 0
  for (const { recent } of keys) places += recentCount(recent)
  return keys.length * (1 + ROW_ROOM) + places * RECENT_COLUMNS + roomOf(places)
}

/** Writes keys, and yields after every `aStep` keys. */
export function* putKeys(block: BlockWriter, keys: readonly KeyTally[], aStep: number): Generator<undefined, void> {
  block.put(Float64Array.from(keys, ({ recent }) => recent.added))
  let places = 0
  for (const [i, { summary, recent }] of keys.entries()) {
    block.row(summary)
    places += recentCount(recent)
    if (i % aStep === 0) yield
  }
  for (const [i, { recent }] of keys.entries()) {
    block.put(recentNumbers(recent))
    if (i % aStep === 0) yield
  }
  const flags = new Uint8Array(places)
  let at = 0
  for (const { recent } of keys) {
    flags.set(recentFlags(recent), at)
    at += recentCount(recent)
  }
  block.put(flags)
}

/** One key as {@link putKeys} wrote it. The columns of its recent attempts share memory with the block. */
export interface BlockKey {
  readonly added: number
  readonly numbers: Float64Array
  readonly flags: Uint8Array
}

/** Reads `count` keys. Calls `readSummary` for each key in order, which must read the summary from the block. */
export function takeKeys(block: BlockReader, count: number, readSummary: (key: number) => void): BlockKey[] {
  const added = block.doubles(count)
  for (let key = 0; key < count; key++) readSummary(key)
  const held = Array.from(added, one => Math.min(one, RECENT_LIMIT))
  const places = held.reduce((sum, one) => sum + one, 0)
  const numbers = block.doubles(places * RECENT_COLUMNS)
  const flags = block.bytes(places)
  let end = 0
  return held.map((own, key) => {
    const from = end
    end += own
    return {
      added: added[key]!,
      numbers: numbers.subarray(from * RECENT_COLUMNS, end * RECENT_COLUMNS),
      flags: flags.subarray(from, end),
    }
  })
}
