/** The ids of a dedup window in order of receipt: a ring buffer of hashes and times. Its memory grows and shrinks by chunks. */

/** Ids per chunk: 2 to this power. */
const CHUNK_BITS = 10
const CHUNK = 2 ** CHUNK_BITS
const IN_CHUNK = CHUNK - 1
/** The last index of the ring. The ring has three times as many indexes as a window may hold ids, and a whole number of chunks. */
const LAST_INDEX = 2 ** 25 - 1

interface Chunk {
  /** Two words per id. */
  readonly hashes: Uint32Array
  /** Times of receipt in milliseconds. */
  readonly times: Float64Array
}

/** An id keeps its index while it is in the ring. */
export interface IdRing {
  chunks: (Chunk | undefined)[]
  /** A free chunk, kept for the next allocation. */
  spare: Chunk | undefined
  /** The index of the oldest id. */
  head: number
  /** The index of the next id. */
  tail: number
  size: number
}

export function createIdRing(): IdRing {
  return { chunks: [], spare: undefined, head: 0, tail: 0, size: 0 }
}

/** The index that is `distance` after the oldest id. A negative `distance` counts back from the next id. */
export function indexAt({ head, tail }: IdRing, distance: number): number {
  return ((distance < 0 ? tail : head) + distance) & LAST_INDEX
}

/** How many ids are older than the id at an index. */
export function olderThan({ head }: IdRing, index: number): number {
  return (index - head) & LAST_INDEX
}

/** Appends the hash at `at` of `hashes`. Returns its index. */
export function pushId(ring: IdRing, hashes: Uint32Array, at: number, ms: number): number {
  const index = ring.tail
  const chunk = ring.chunks[index >>> CHUNK_BITS] ?? newChunk(ring, index >>> CHUNK_BITS)
  const to = index & IN_CHUNK
  chunk.hashes[2 * to] = hashes[at]!
  chunk.hashes[2 * to + 1] = hashes[at + 1]!
  chunk.times[to] = ms
  ring.tail = (index + 1) & LAST_INDEX
  ring.size++
  return index
}

function newChunk(ring: IdRing, number: number): Chunk {
  const chunk = ring.spare ?? { hashes: new Uint32Array(2 * CHUNK), times: new Float64Array(CHUNK) }
  ring.spare = undefined
  ring.chunks[number] = chunk
  return chunk
}

/** Removes the oldest id. */
export function shiftId(ring: IdRing): void {
  const number = ring.head >>> CHUNK_BITS
  ring.head = (ring.head + 1) & LAST_INDEX
  ring.size--
  if (ring.head >>> CHUNK_BITS === number) return
  ring.spare = ring.chunks[number]
  ring.chunks[number] = undefined
}

export function timeAt({ chunks }: IdRing, index: number): number {
  return chunks[index >>> CHUNK_BITS]!.times[index & IN_CHUNK]!
}

/** The first word of the hash at an index. */
export function highAt({ chunks }: IdRing, index: number): number {
  return chunks[index >>> CHUNK_BITS]!.hashes[2 * (index & IN_CHUNK)]!
}

/** The second word of the hash at an index. */
export function lowAt({ chunks }: IdRing, index: number): number {
  return chunks[index >>> CHUNK_BITS]!.hashes[2 * (index & IN_CHUNK) + 1]!
}
