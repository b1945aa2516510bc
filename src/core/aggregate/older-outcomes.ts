/**
 * The outcomes of attempts that left the recent attempts of a key: counts in blocks of 25, in the order of the attempts' own time. The
 * drift test needs their order, which totals do not contain. At most 36 blocks, 416 bytes per key. Arrays of numbers would take three times as
 * much.
 */

/** Attempts of a full block. */
export const BLOCK_ATTEMPTS = 25
/** Blocks of a key. Beyond it the oldest block is dropped. */
export const MAX_BLOCKS = 36
/** Numbers of a block in a snapshot: the time of its latest attempt in milliseconds since the epoch, successes, attempts. */
export const BLOCK_NUMBERS = 3

/** Keys whose memory is allocated together: 23 KB. Thousands of buffers would slow the garbage collector. */
const SLAB_KEYS = 64

/** Memory for the blocks of several keys. */
interface BlockColumns {
  /** The time of the latest attempt of each block, in milliseconds since the epoch. */
  readonly times: Float64Array
  /** The successes and the attempts of each block. */
  readonly counts: Uint8Array
}

/** Blocks of one key, ordered by time. */
export interface OlderOutcomes extends BlockColumns {
  /** The index of the first block of the key in the columns. */
  readonly first: number
  /** How many blocks the key has. */
  blocks: number
}

/** No blocks. Shared: replace it before adding the first one. */
export const NO_OLDER: OlderOutcomes = { ...columnsFor(0), first: 0, blocks: 0 }

/** A slab allocator: returns memory for {@link MAX_BLOCKS} blocks of a key. */
export type OlderSlab = () => OlderOutcomes

export function createOlderSlab(): OlderSlab {
  let columns: BlockColumns = NO_OLDER
  let taken = SLAB_KEYS
  return () => {
    if (taken === SLAB_KEYS) {
      columns = columnsFor(SLAB_KEYS)
      taken = 0
    }
    return { times: columns.times, counts: columns.counts, first: taken++ * MAX_BLOCKS, blocks: 0 }
  }
}

function columnsFor(keys: number): BlockColumns {
  const blocks = keys * MAX_BLOCKS
  const memory = new ArrayBuffer(blocks * 10)
  return { times: new Float64Array(memory, 0, blocks), counts: new Uint8Array(memory, blocks * 8) }
}

/**
 * Adds an attempt at its own time. A late attempt joins the block at its time if that block is not full. Otherwise it begins a new block
 * there. Back-filled attempts therefore never join blocks of a much later time.
 */
export function addOlderOutcome(older: OlderOutcomes, ms: number, success: boolean): void {
  const next = blockAfter(older, ms)
  const at = hasRoom(older, next - 1) ? next - 1 : hasRoom(older, next) ? next : insertBlock(older, next, ms)
  if (at < 0) return
  older.times[at] = Math.max(older.times[at]!, ms)
  if (success) older.counts[2 * at]!++
  older.counts[2 * at + 1]!++
}

/** The index of the first block that ends after `ms`. Searches from the end: most attempts are the latest. */
function blockAfter({ times, first, blocks }: OlderOutcomes, ms: number): number {
  let at = first + blocks
  while (at > first && times[at - 1]! > ms) at--
  return at
}

const hasRoom = ({ counts, first, blocks }: OlderOutcomes, at: number): boolean =>
  at >= first && at < first + blocks && counts[2 * at + 1]! < BLOCK_ATTEMPTS

/** Inserts an empty block that ends at `ms`, and drops the oldest one of a full key. Returns its index; -1 if it would be the oldest itself. */
function insertBlock(older: OlderOutcomes, at: number, ms: number): number {
  const { first, blocks } = older
  if (!isOlderFull(older)) {
    moveBlocks(older, at, first + blocks, 1)
    older.blocks++
    return clearBlock(older, at, ms)
  }
  if (at === first) return -1
  moveBlocks(older, first + 1, at, -1)
  return clearBlock(older, at - 1, ms)
}

/** Moves the blocks from `start` to `end` by one place. */
function moveBlocks({ times, counts }: OlderOutcomes, start: number, end: number, by: 1 | -1): void {
  times.copyWithin(start + by, start, end)
  counts.copyWithin(2 * (start + by), 2 * start, 2 * end)
}

function clearBlock({ times, counts }: OlderOutcomes, at: number, ms: number): number {
  times[at] = ms
  counts[2 * at] = 0
  counts[2 * at + 1] = 0
  return at
}

/** True once blocks may have been dropped. */
export const isOlderFull = ({ blocks }: OlderOutcomes): boolean => blocks === MAX_BLOCKS

/** Called for one attempt in the ring, or for a block of older ones: with its time in milliseconds since the epoch, and its counts. */
export type OutcomeVisitor = (ms: number, successes: number, attempts: number) => void

/** Visits the blocks from the one at `from` on, as long as they end by `untilMs`. Returns the index behind the last one visited. */
export function visitBlocks(older: OlderOutcomes, from: number, untilMs: number, visit: OutcomeVisitor): number {
  const { times, counts, first, blocks } = older
  let at = from
  for (; at < first + blocks && times[at]! <= untilMs; at++) visit(times[at]!, counts[2 * at]!, counts[2 * at + 1]!)
  return at
}

/** The blocks as they are in a snapshot: {@link BLOCK_NUMBERS} per block. */
export function savedOlder(older: OlderOutcomes): number[] {
  const numbers: number[] = []
  visitBlocks(older, older.first, Number.POSITIVE_INFINITY, (...block) => numbers.push(...block))
  return numbers
}

/** The blocks of {@link savedOlder}. Throws a RangeError if there are more than a key can have. */
export function restoredOlder(numbers: ArrayLike<number>, slab: OlderSlab): OlderOutcomes {
  if (numbers.length === 0) return NO_OLDER
  if (numbers.length > MAX_BLOCKS * BLOCK_NUMBERS) throw new RangeError('older outcomes of too many blocks')
  const older = slab()
  older.blocks = numbers.length / BLOCK_NUMBERS
  for (let i = 0; i < older.blocks; i++) {
    older.times[older.first + i] = numbers[i * BLOCK_NUMBERS]!
    older.counts[2 * (older.first + i)] = numbers[i * BLOCK_NUMBERS + 1]!
    older.counts[2 * (older.first + i) + 1] = numbers[i * BLOCK_NUMBERS + 2]!
  }
  return older
}
