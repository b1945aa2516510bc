/** What is counted of some keys, as it stands in a block: the summaries and the last attempts of each. */
import { type PackedRows, packedEnd, packedRoom } from '../../core/aggregate/packed-rows.ts'
import { RECENT_COLUMNS, RECENT_LIMIT, recentCount, recentFlags, recentNumbers } from '../../core/aggregate/recent.ts'
import { SUMMARY_WIDTH } from '../../core/aggregate/summary.ts'
import type { KeyTally } from '../../core/aggregate/tally.ts'
import { type BlockReader, type BlockRows, type BlockWriter, roomOf } from './block.ts'

/** A packed summary in doubles, at most. */
export const ROW_ROOM: number = packedRoom(SUMMARY_WIDTH)

/** How many doubles' room {@link putKeys} takes at most. */
export function roomOfKeys(keys: readonly KeyTally[]): number {
  let places = 0
  for (const { recent } of keys) places += recentCount(recent)
  return keys.length * (1 + ROW_ROOM) + places * RECENT_COLUMNS + roomOf(places)
}

/** With a step after so many keys each. */
export function* putKeys(block: BlockWriter, keys: readonly KeyTally[], aStep: number): Generator<undefined, void> {
  block.put(Float64Array.from(keys, ({ recent }) => recent.added))
  for (const [i, key] of keys.entries()) {
    // Not asked for its summary where that is packed still: it would be unpacked for good.
    if (key.kept === undefined) block.row(key.summary)
    else block.put(packedRow(key.kept.packed, key.keptAt))
    if (i % aStep === 0) yield
  }
  let places = 0
  for (const [i, { recent }] of keys.entries()) {
    block.put(recentNumbers(recent))
    places += recentCount(recent)
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

/** A row of summaries as it is packed already. */
export function packedRow(packed: PackedRows, at: number): Float64Array {
  return packed.doubles.subarray(at, packedEnd(packed, at, SUMMARY_WIDTH))
}

/** What stands in a block, in its memory. */
export interface BlockKeys {
  /** How many attempts each key ever had among its last, */
  readonly added: Float64Array
  /** and holds of them. */
  readonly held: readonly number[]
  readonly rows: BlockRows
  /** The columns of all, key by key. */
  readonly numbers: Float64Array
  readonly flags: Uint8Array
}

export function takeKeys(block: BlockReader, count: number): BlockKeys {
  const added = block.doubles(count)
  const rows = block.rows(count, SUMMARY_WIDTH)
  const held = new Array<number>(count)
  let places = 0
  for (let i = 0; i < count; i++) {
    held[i] = Math.min(added[i]!, RECENT_LIMIT)
    places += held[i]!
  }
  return { added, held, rows, numbers: block.doubles(places * RECENT_COLUMNS), flags: block.bytes(places) }
}
