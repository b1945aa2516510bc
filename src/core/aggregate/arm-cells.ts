/** The counts of each key in each arm of an experiment. With them, a question about an experiment can select keys. */
import type { AttemptKey } from '../attempt/attempt.ts'
import { type BucketOwner, NO_BUCKETS } from './buckets.ts'
import { createSummary, type Summary } from './summary.ts'

/** The counts of one key in one arm. */
export interface ArmCell extends BucketOwner {
  readonly key: AttemptKey
  readonly summary: Summary
}

/** The cells of one arm, by the key object of the tally. A lookup by names would create a string per attempt. */
export type CellsOfArm = Map<AttemptKey, ArmCell>

export interface ArmCells {
  /** The cell of a key. A new key gets a cell while there are fewer than `maxCells`. After that, returns the overflow cell. */
  open(cells: CellsOfArm, key: AttemptKey, maxCells: number): ArmCell
  /** The cell of a key. Creates it if it is new, also beyond `maxCells`: for restoring a snapshot. */
  hold(cells: CellsOfArm, key: AttemptKey): ArmCell
  /** The cells in which an attempt of the key may have been counted, the most probable first. Never creates one. */
  holders(cells: CellsOfArm, key: AttemptKey): readonly ArmCell[]
  clear(): void
}

/** `overflow` is the key of the overflow cell, which counts all keys without a cell. Each arm has at most one. */
export function createArmCells(overflow: AttemptKey): ArmCells {
  let count = 0
  /** The key by which the cells are stored. The tally may have another object for the overflow key. */
  const own = (key: AttemptKey): AttemptKey => (key.agent_name === overflow.agent_name ? overflow : key)

  function hold(cells: CellsOfArm, given: AttemptKey): ArmCell {
    const key = own(given)
    const known = cells.get(key)
    if (known !== undefined) return known
    const cell: ArmCell = { key, summary: createSummary(), buckets: NO_BUCKETS, open: undefined }
    cells.set(key, cell)
    if (key !== overflow) count++
    return cell
  }

  return {
    hold,
    open: (cells, key, maxCells) => cells.get(own(key)) ?? hold(cells, count < maxCells ? key : overflow),
    holders: (cells, key) => [cells.get(own(key)), cells.get(overflow)].filter(cell => cell !== undefined),
    clear() {
      count = 0
    },
  }
}
