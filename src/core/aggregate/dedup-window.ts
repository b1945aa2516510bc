/**
 * The dedup window: which attempt ids were received lately. It holds at most `limit` ids. Ids are kept as 64-bit hashes under a secret
 * seed, about 30 bytes an id. Two different ids share a hash with a probability of 5e-14 per attempt at a full window of a million, and
 * nobody without the seed can make them share one.
 *
 * An id is known for `keepMs` after its own time of receipt, or that of the id received {@link SPREAD} ids before it where that is later: an
 * attempt from a clock that jumped ahead makes no other id new, and the ids of one that jumped back stay known. Ids that are too old leave
 * memory only when ids over the last {@link SPREAD} all say so. What is known depends on nothing but the ids that are held and their times.
 */

/** One window. `add` is O(1), however many ids are held. */
export interface DedupWindow {
  /**
   * True where `id` was not known and is now; false where it was. `ms` is the time of receipt: where it is before that of an earlier attempt,
   * the id stays known for longer.
   */
  add(id: string, ms: number): boolean
  /** Whether {@link add} would answer false. Changes nothing. */
  has(id: string, ms: number): boolean
  /** Writes the hash of `id` into the two words of `hashes` that start at `at`, for {@link hasHash} and {@link addHash} of this window. */
  hash(id: string, hashes: Uint32Array, at: number): void
  /** {@link has} of an id whose hash stands at `at`: a caller that asks first and adds later hashes once. */
  hasHash(hashes: Uint32Array, at: number, ms: number): boolean
  /** {@link add} of an id whose hash stands at `at`. */
  addHash(hashes: Uint32Array, at: number, ms: number): boolean
  readonly size: number
  /** Sets other limits from now on: those with which a part of the journal was written. */
  limitTo(limits: Pick<DedupWindowOptions, 'limit' | 'keepMs'>): void
  clear(): void
  /** Hashes (two 32-bit words an id) and times, oldest first, as a snapshot keeps them: of `count` ids from the `from`-th on. */
  save(from?: number, count?: number): DedupWindowState
  /** Takes in, behind what is held, what `save` gave of a window with the same seed. Beyond the limit the newest stay. */
  restore(hashes: Uint32Array, times: Float64Array): void
}

export interface DedupWindowState {
  readonly seed: readonly [number, number]
  readonly hashes: Uint32Array
  readonly times: Float64Array
}

export interface DedupWindowOptions {
  readonly seed: readonly [number, number]
  /** At most this many ids, up to {@link MAX_IDS}; the oldest leave. */
  readonly limit: number
  readonly keepMs: number
  /** So many ids are restored at once: the table starts large enough for them. */
  readonly expected?: number
}

/** The most ids a window may hold: some 300 MB. */
export const MAX_IDS = 10_000_000

/** So far apart are ids of which one tells whether the time of another can be right. */
const SPREAD = 1024
/** How far before the newest id those stand that must agree before an id leaves by its age. */
const WITNESSES = [0, SPREAD / 4, SPREAD / 2, (3 * SPREAD) / 4, SPREAD - 1]
/** Ids that share a piece of memory: 2 to this power. */
const CHUNK_BITS = 10
const CHUNK = 2 ** CHUNK_BITS
const IN_CHUNK = CHUNK - 1
/** The last place in the ring, after which comes the first: three times as many as ids may be held, and a whole number of chunks. */
const LAST_PLACE = 2 ** 25 - 1
/** The table is split by one byte of the hash: each part grows by itself, so that no growth takes longer than some milliseconds. */
const PARTS = 256
const FIRST_SLOTS = 16

/** Ids in the order they came. */
interface Chunk {
  readonly high: Uint32Array
  readonly low: Uint32Array
  readonly times: Float64Array
}

/** Open addressing, each slot 1 + a place in the ring, 0 for empty. At most half full. */
interface Part {
  slots: Uint32Array
  used: number
}

export function createDedupWindow({ seed, expected = 0, ...limits }: DedupWindowOptions): DedupWindow {
  let { keepMs } = limits
  let limit = Math.min(limits.limit, MAX_IDS)
  // The places of the oldest id and behind the newest one. Memory is taken with the first id, and as more come.
  let chunks: (Chunk | undefined)[] = []
  let spare: Chunk | undefined
  let parts: (Part | undefined)[] = []
  let firstSlots = FIRST_SLOTS
  while (firstSlots * PARTS < 2.5 * Math.min(expected, limit)) firstSlots *= 2
  let head = 0
  let tail = 0
  let size = 0
  let hash1 = 0
  let hash2 = 0

  const chunkOf = (place: number): Chunk => chunks[place >>> CHUNK_BITS]!

  /** A mixing hash of UTF-16 units in the manner of MurmurHash3's body and finaliser, two lanes of 32 bits. */
  function hash(id: string): void {
    let a = seed[0] ^ id.length
    let b = seed[1] ^ Math.imul(id.length, 0x9e3779b1)
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i)
      a = Math.imul(a ^ unit, 0x85ebca6b)
      a ^= a >>> 15
      b = Math.imul(b ^ unit, 0xc2b2ae35)
      b ^= b >>> 13
    }
    a = Math.imul(a ^ (b >>> 16), 0x85ebca6b)
    b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35)
    hash1 = (a ^ (b >>> 15)) >>> 0
    hash2 = (b ^ (a >>> 16)) >>> 0
  }

  /** The part of the table for the current hash. */
  function partNow(): Part {
    const number = hash1 & (PARTS - 1)
    const known = parts[number]
    if (known !== undefined) return known
    const made = { slots: new Uint32Array(firstSlots), used: 0 }
    parts[number] = made
    return made
  }

  /** The slot of the id with the current hash, or the empty one where it would stand. */
  function find(slots: Uint32Array): number {
    const mask = slots.length - 1
    let slot = hash2 & mask
    for (;;) {
      const entry = slots[slot]!
      if (entry === 0) return slot
      const { high, low } = chunkOf(entry - 1)
      const at = (entry - 1) & IN_CHUNK
      if (high[at] === hash1 && low[at] === hash2) return slot
      slot = (slot + 1) & mask
    }
  }

  const lowAt = (place: number): number => chunkOf(place).low[place & IN_CHUNK]!

  /** Empties a slot and moves back what it had pushed on (Knuth, TAOCP vol. 3, 6.4, algorithm R). */
  function vacate({ slots }: Part, slot: number): void {
    const mask = slots.length - 1
    let hole = slot
    slots[hole] = 0
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const home = lowAt(slots[next]! - 1) & mask
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      slots[hole] = slots[next]!
      slots[next] = 0
      hole = next
    }
  }

  function grow(part: Part): void {
    const before = part.slots
    const slots = new Uint32Array(before.length * 2)
    const mask = slots.length - 1
    for (const entry of before) {
      if (entry === 0) continue
      let slot = lowAt(entry - 1) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry
    }
    part.slots = slots
  }

  /** Takes an id out of the table, unless the same id came again behind it. */
  function remove(place: number): void {
    const { high, low } = chunkOf(place)
    hash1 = high[place & IN_CHUNK]!
    hash2 = low[place & IN_CHUNK]!
    const part = partNow()
    const slot = find(part.slots)
    if (part.slots[slot] !== place + 1) return
    vacate(part, slot)
    part.used--
  }

  function removeOldest(): void {
    remove(head)
    const number = head >>> CHUNK_BITS
    head = (head + 1) & LAST_PLACE
    size--
    if (head >>> CHUNK_BITS === number) return
    spare = chunks[number]
    chunks[number] = undefined
  }

  function chunkToFill(place: number): Chunk {
    const number = place >>> CHUNK_BITS
    const known = chunks[number]
    if (known !== undefined) return known
    const made = spare ?? { high: new Uint32Array(CHUNK), low: new Uint32Array(CHUNK), times: new Float64Array(CHUNK) }
    spare = undefined
    chunks[number] = made
    return made
  }

  /** Behind all others, in the place of the same id where that is held. */
  function push(ms: number): void {
    const part = partNow()
    if (2 * (part.used + 1) > part.slots.length) grow(part)
    const slot = find(part.slots)
    const chunk = chunkToFill(tail)
    chunk.high[tail & IN_CHUNK] = hash1
    chunk.low[tail & IN_CHUNK] = hash2
    chunk.times[tail & IN_CHUNK] = ms
    if (part.slots[slot] === 0) part.used++
    part.slots[slot] = tail + 1
    tail = (tail + 1) & LAST_PLACE
    size++
  }

  const timeAt = (place: number): number => chunkOf(place).times[place & IN_CHUNK]!

  /** Whether the id at a place is known at `ms`. */
  function isKnown(place: number, ms: number): boolean {
    if (ms - timeAt(place) < keepMs) return true
    const after = (place - head) & LAST_PLACE
    return ms - timeAt((head + Math.max(0, after - SPREAD)) & LAST_PLACE) < keepMs
  }

  /** Whether the id with the current hash is held and known at `ms`. */
  function isHeld(ms: number): boolean {
    const { slots } = partNow()
    const entry = slots[find(slots)]!
    return entry !== 0 && isKnown(entry - 1, ms)
  }

  /** Whether the oldest id must make room, or is too old; or its time was too far ahead to ever be too old. */
  function isOldestGone(): boolean {
    if (size >= limit) return size > 0
    if (size <= SPREAD) return false
    const ms = timeAt(head)
    let [later, earlier] = [true, true]
    for (const distance of WITNESSES) {
      const witnessMs = timeAt((tail - 1 - distance) & LAST_PLACE)
      later &&= witnessMs - ms >= keepMs
      earlier &&= ms - witnessMs >= keepMs
      if (!later && !earlier) return false
    }
    return true
  }

  /** Adds the id with the current hash. */
  function addCurrent(ms: number): boolean {
    if (isHeld(ms)) return false
    const first = hash1
    const second = hash2
    while (isOldestGone()) removeOldest()
    hash1 = first
    hash2 = second
    push(ms)
    return true
  }

  function takeHash(hashes: Uint32Array, at: number): void {
    hash1 = hashes[at]!
    hash2 = hashes[at + 1]!
  }

  return {
    add(id, ms) {
      hash(id)
      return addCurrent(ms)
    },
    has(id, ms) {
      hash(id)
      return isHeld(ms)
    },
    hash(id, hashes, at) {
      hash(id)
      hashes[at] = hash1
      hashes[at + 1] = hash2
    },
    hasHash(hashes, at, ms) {
      takeHash(hashes, at)
      return isHeld(ms)
    },
    addHash(hashes, at, ms) {
      takeHash(hashes, at)
      return addCurrent(ms)
    },
    get size() {
      return size
    },
    limitTo(others) {
      limit = Math.min(others.limit, MAX_IDS)
      keepMs = others.keepMs
      while (size > limit) removeOldest()
    },
    clear() {
      head = 0
      tail = 0
      size = 0
      chunks = []
      parts = []
      spare = undefined
    },
    save(from = 0, count = Number.POSITIVE_INFINITY) {
      const ids = Math.max(0, Math.min(count, size - from))
      const hashes = new Uint32Array(2 * ids)
      const kept = new Float64Array(ids)
      for (let i = 0; i < ids; i++) {
        const place = (head + from + i) & LAST_PLACE
        const { high, low, times } = chunkOf(place)
        hashes[2 * i] = high[place & IN_CHUNK]!
        hashes[2 * i + 1] = low[place & IN_CHUNK]!
        kept[i] = times[place & IN_CHUNK]!
      }
      return { seed, hashes, times: kept }
    },
    restore(hashes, saved) {
      for (let i = 0; i < saved.length; i++) {
        hash1 = hashes[2 * i]!
        hash2 = hashes[2 * i + 1]!
        push(saved[i]!)
        while (size > limit) removeOldest()
      }
    },
  }
}
