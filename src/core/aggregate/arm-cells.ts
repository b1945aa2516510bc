/** What each key counted in each arm of an experiment, so that a question about an experiment may select keys. */
import type { AttemptKey } from '../attempt/attempt.ts'
import { type BucketOwner, NO_BUCKETS } from './buckets.ts'
import { createSummary, type Summary } from './summary.ts'

/** What one key counted in one arm. */
export interface ArmCell extends BucketOwner {
  readonly key: AttemptKey
  readonly summary: Summary
}

/** The cells of one arm, by the key object that the tally holds: a lookup by names would cost a text per attempt. */
export type CellsOfArm = Map<AttemptKey, ArmCell>

export interface ArmCells {
  /** The cell of a key: made where it is new and there are fewer than `maxCells`, else that of all keys without a cell. */
  open(cells: CellsOfArm, key: AttemptKey, maxCells: number): ArmCell
  /** The cell of a key, made where it is new, whatever the number: for cells that were held before. */
  hold(cells: CellsOfArm, key: AttemptKey): ArmCell
  /** The cell that an attempt of the key was counted in: without making one. */
  counted(cells: CellsOfArm, key: AttemptKey): ArmCell | undefined
  clear(): void
}

/** `overflow` is the key of the cell of all keys without a cell, of which each arm may have one. */
export function createArmCells(overflow: AttemptKey): ArmCells {
  let count = 0
  /** The tally may hold another object for the overflow key. */
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
    counted: (cells, key) => cells.get(own(key)) ?? cells.get(overflow),
    clear() {
      count = 0
    },
  }
}
