/**
 * The outcomes of attempts that left the recent attempts of a key: counts in blocks of about 25, in the order of the attempts' own time. The
 * drift test needs their order, which totals do not contain. At most 36 blocks, 496 bytes per key. Arrays of numbers would take three times as
 * much.
 *
 * Blocks are disjoint intervals of time, so that the block of an attempt can be found again when its result is corrected.
 */

/** Attempts of a full block. A late attempt inside the interval of a block joins it also beyond. */
export const BLOCK_ATTEMPTS = 25
/** Blocks of a key. Beyond it the oldest block is dropped. */
export const MAX_BLOCKS = 36
/** Numbers of a block in a snapshot: its end in milliseconds since the epoch, the code of its length, successes, attempts. */
export const BLOCK_NUMBERS = 4

/** Keys whose memory is allocated together: 28 KB. Thousands of buffers would slow the garbage collector. */
const SLAB_KEYS = 64
/** Times of a key: the end of each block, and the floor. */
const KEY_TIMES = MAX_BLOCKS + 1

/** A block in one number of 32 bits: 10 bits for the successes, 10 for the attempts, 12 for the code of its length. */
const ATTEMPTS_SHIFT = 10
const LENGTH_SHIFT = 20
/** The highest number of attempts that a block counts. More in one interval are left out. */
const MAX_COUNT = 2 ** ATTEMPTS_SHIFT - 1

/**
 * The length of a block by its code, in milliseconds: 0, then 64 steps between powers of two from half a microsecond on. The stored length of a
 * block is at least its true one. It decides which times belong to the block, so that every later look decides alike.
 */
const LENGTHS: Float64Array = Float64Array.from({ length: 4096 }, (_, code) =>
  code === 0 ? 0 : (1 + (code % 64) / 64) * 2 ** (Math.floor(code / 64) - 11),
)

/** Memory for the blocks of several keys. */
interface BlockColumns {
  /** Of each key: the end of each block in milliseconds since the epoch, and last the floor. Earlier attempts are in no block. */
  readonly times: Float64Array
  readonly packed: Uint32Array
}

/** Blocks of one key, ordered by time. */
export interface OlderOutcomes extends BlockColumns {
  /** The number of keys before this one in the columns. */
  readonly key: number
  /** How many blocks the key has. */
  blocks: number
}

/** No blocks. Shared: replace it before adding the first one. */
export const NO_OLDER: OlderOutcomes = { ...columnsFor(0), key: 0, blocks: 0 }

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
    return { times: columns.times, packed: columns.packed, key: taken++, blocks: 0 }
  }
}

function columnsFor(keys: number): BlockColumns {
  const times = new Float64Array(keys * KEY_TIMES).fill(Number.NEGATIVE_INFINITY)
  return { times, packed: new Uint32Array(keys * MAX_BLOCKS) }
}

const endAt = ({ times, key }: OlderOutcomes, at: number): number => times[key * KEY_TIMES + at]!
const packedAt = ({ packed, key }: OlderOutcomes, at: number): number => packed[key * MAX_BLOCKS + at]!
const floorOf = (older: OlderOutcomes): number => endAt(older, MAX_BLOCKS)

const successesIn = (block: number): number => block & MAX_COUNT
const attemptsIn = (block: number): number => (block >>> ATTEMPTS_SHIFT) & MAX_COUNT
const lengthCode = (block: number): number => block >>> LENGTH_SHIFT

/** The earliest time of the interval of a block. Times up to the end of the block before it belong to that one. */
const beginAt = (older: OlderOutcomes, at: number): number =>
  endAt(older, at) - LENGTHS[lengthCode(packedAt(older, at))]!

function put(older: OlderOutcomes, at: number, endMs: number, code: number, successes: number, attempts: number): void {
  older.times[older.key * KEY_TIMES + at] = endMs
  older.packed[older.key * MAX_BLOCKS + at] = successes + attempts * 2 ** ATTEMPTS_SHIFT + code * 2 ** LENGTH_SHIFT
}

/** The code of the smallest length that is at least `ms`. */
function codeOf(ms: number): number {
  let [low, high] = [0, LENGTHS.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (LENGTHS[middle]! < ms) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Adds an attempt at its own time. Inside the interval of a block it joins that block. Between two blocks it joins the one before if that is not
 * full, else the one after, else it begins a new block. Back-filled attempts therefore never join blocks of a much later time.
 */
export function addOlderOutcome(older: OlderOutcomes, ms: number, success: boolean): void {
  if (ms <= floorOf(older)) return
  const at = openBlock(older, ms)
  if (at < 0) return
  const block = packedAt(older, at)
  const attempts = attemptsIn(block)
  if (attempts === MAX_COUNT) return
  put(older, at, endAt(older, at), lengthCode(block), successesIn(block) + Number(success), attempts + 1)
}

/** Changes the result of an attempt that was added at this time. Does nothing if its block was dropped. */
export function moveOlderOutcome(older: OlderOutcomes, ms: number, success: boolean): void {
  if (ms <= floorOf(older)) return
  const at = blockAt(older, ms)
  if (at === older.blocks || ms < beginAt(older, at)) return
  const block = packedAt(older, at)
  const successes = successesIn(block) + (success ? 1 : -1)
  if (successes < 0 || successes > attemptsIn(block)) return
  put(older, at, endAt(older, at), lengthCode(block), successes, attemptsIn(block))
}

/** The index of the first block that ends at `ms` or later. Searches from the end: most attempts are the latest. */
function blockAt(older: OlderOutcomes, ms: number): number {
  let at = older.blocks
  while (at > 0 && endAt(older, at - 1) >= ms) at--
  return at
}

/** The index of the block that an attempt joins, whose interval now includes it. -1 if it would be the oldest block, which is dropped. */
function openBlock(older: OlderOutcomes, ms: number): number {
  const next = blockAt(older, ms)
  if (next < older.blocks && ms >= beginAt(older, next)) return next
  if (hasRoom(older, next - 1)) {
    stretch(older, next - 1, beginAt(older, next - 1), ms)
    return next - 1
  }
  if (hasRoom(older, next)) {
    stretch(older, next, ms, endAt(older, next))
    return next
  }
  return insertBlock(older, next, ms)
}

const hasRoom = (older: OlderOutcomes, at: number): boolean =>
  at >= 0 && at < older.blocks && attemptsIn(packedAt(older, at)) < BLOCK_ATTEMPTS

function stretch(older: OlderOutcomes, at: number, beginMs: number, endMs: number): void {
  const block = packedAt(older, at)
  put(older, at, endMs, codeOf(endMs - beginMs), successesIn(block), attemptsIn(block))
}

/** Inserts an empty block at `ms`, and drops the oldest one of a full key. Returns its index; -1 if it would be the oldest itself. */
function insertBlock(older: OlderOutcomes, at: number, ms: number): number {
  if (!isOlderFull(older)) {
    moveBlocks(older, at, older.blocks, 1)
    older.blocks++
    put(older, at, ms, 0, 0, 0)
    return at
  }
  older.times[older.key * KEY_TIMES + MAX_BLOCKS] = at === 0 ? ms : endAt(older, 0)
  if (at === 0) return -1
  moveBlocks(older, 1, at, -1)
  put(older, at - 1, ms, 0, 0, 0)
  return at - 1
}

/** Moves the blocks from `start` to `end` by one place. */
function moveBlocks({ times, packed, key }: OlderOutcomes, start: number, end: number, by: 1 | -1): void {
  const [ofTimes, ofPacked] = [key * KEY_TIMES, key * MAX_BLOCKS]
  times.copyWithin(ofTimes + start + by, ofTimes + start, ofTimes + end)
  packed.copyWithin(ofPacked + start + by, ofPacked + start, ofPacked + end)
}

/** True once blocks may have been dropped. */
export const isOlderFull = ({ blocks }: OlderOutcomes): boolean => blocks === MAX_BLOCKS

/** Called for one attempt in the ring, or for a block of older ones: with its time in milliseconds since the epoch, and its counts. */
export type OutcomeVisitor = (ms: number, successes: number, attempts: number) => void

/** Visits the blocks from the one at `from` on, as long as they end by `untilMs`. Returns the index behind the last one visited. */
export function visitBlocks(older: OlderOutcomes, from: number, untilMs: number, visit: OutcomeVisitor): number {
  let at = from
  for (; at < older.blocks && endAt(older, at) <= untilMs; at++) {
    const block = packedAt(older, at)
    visit(endAt(older, at), successesIn(block), attemptsIn(block))
  }
  return at
}

/** The blocks as they are in a snapshot: the floor, and {@link BLOCK_NUMBERS} per block. Nothing without blocks. */
export function savedOlder(older: OlderOutcomes): number[] {
  if (older.blocks === 0) return []
  const numbers: number[] = [floorOf(older)]
  for (let at = 0; at < older.blocks; at++) {
    const block = packedAt(older, at)
    numbers.push(endAt(older, at), lengthCode(block), successesIn(block), attemptsIn(block))
  }
  return numbers
}

/** The blocks of {@link savedOlder}. Throws a RangeError if there are more than a key can have. */
export function restoredOlder(numbers: ArrayLike<number>, slab: OlderSlab): OlderOutcomes {
  if (numbers.length === 0) return NO_OLDER
  if (numbers.length > 1 + MAX_BLOCKS * BLOCK_NUMBERS) throw new RangeError('older outcomes of too many blocks')
  const older = slab()
  older.blocks = Math.floor(numbers.length / BLOCK_NUMBERS)
  older.times[older.key * KEY_TIMES + MAX_BLOCKS] = numbers[0]!
  for (let at = 0; at < older.blocks; at++) {
    const from = 1 + at * BLOCK_NUMBERS
    put(older, at, numbers[from]!, numbers[from + 1]!, numbers[from + 2]!, numbers[from + 3]!)
  }
  return older
}
