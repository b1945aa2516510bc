/**
 * The outcomes of attempts that left the recent attempts of a key: counts in blocks of 25, in the order of the attempts' own time. The
 * drift test needs their order, which totals do not contain. At most 36 blocks, 864 bytes per key.
 */

/** Attempts of a full block. */
export const BLOCK_ATTEMPTS = 25
/** Blocks of a key. Beyond it the oldest block is dropped. */
export const MAX_BLOCKS = 36
/** Numbers of a block: the time of its latest attempt in milliseconds since the epoch, successes, attempts. */
export const BLOCK_NUMBERS = 3

/** Concatenated blocks, ordered by time. Part of the snapshot's format. */
export type OlderOutcomes = number[]

/**
 * Adds an attempt at its own time. A late attempt joins the block at its time if that block is not full. Otherwise it begins a new block
 * there. Back-filled attempts therefore never join blocks of a much later time.
 */
export function addOlderOutcome(older: OlderOutcomes, ms: number, success: boolean): void {
  const at = positionOf(older, ms)
  const joined = hasRoom(older, at - BLOCK_NUMBERS) ? at - BLOCK_NUMBERS : hasRoom(older, at) ? at : undefined
  if (joined === undefined) {
    older.splice(at, 0, ms, success ? 1 : 0, 1)
    if (older.length > MAX_BLOCKS * BLOCK_NUMBERS) older.splice(0, BLOCK_NUMBERS)
    return
  }
  older[joined] = Math.max(older[joined]!, ms)
  if (success) older[joined + 1]!++
  older[joined + 2]!++
}

/** The position of the first block that ends after `ms`. Searches from the end: most attempts are the latest. */
function positionOf(older: OlderOutcomes, ms: number): number {
  let at = older.length
  while (at > 0 && older[at - BLOCK_NUMBERS]! > ms) at -= BLOCK_NUMBERS
  return at
}

const hasRoom = (older: OlderOutcomes, at: number): boolean =>
  at >= 0 && at < older.length && older[at + 2]! < BLOCK_ATTEMPTS

/** True once blocks may have been dropped. */
export const isOlderFull = (older: OlderOutcomes): boolean => older.length >= MAX_BLOCKS * BLOCK_NUMBERS
