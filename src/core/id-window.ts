/**
 * Which attempt ids were seen lately: at most `limit` of them, and none for longer than `keepMs`. Ids are kept as 64-bit
 * hashes under a secret seed, about 25 bytes an id. Two different ids meet with a probability of 5e-14 per attempt at a full window
 * of a million, and nobody without the seed can make them meet.
 */

/** One window. `add` and `undo` are O(1), however many ids are held. */
export interface IdWindow {
  /** True where `id` was not in the window and is now; false where it was. `ms` is the time of receipt; where it falls, ids stay longer. */
  add(id: string, ms: number): boolean
  /** Takes back the last `count` ids that `add` took in. */
  undo(count: number): void
  readonly size: number
  clear(): void
  /** Hashes (two 32-bit words an id) and times, oldest first, as a checkpoint keeps them: of `count` ids from the `from`-th on. */
  save(from?: number, count?: number): IdWindowState
  /** Takes in, behind what is held, what `save` gave of a window with the same seed. */
  restore(hashes: Uint32Array, times: Float64Array): void
}

export interface IdWindowState {
  readonly seed: readonly [number, number]
  readonly hashes: Uint32Array
  readonly times: Float64Array
}

export interface IdWindowOptions {
  readonly seed: readonly [number, number]
  /** At most this many ids; the oldest leave. */
  readonly limit: number
  readonly keepMs: number
}

const NO_WORDS = new Uint32Array(0)
const NO_TIMES = new Float64Array(0)
/** One that is empty, for whoever looks. */
const NO_SLOTS = new Uint32Array(1)

export function createIdWindow({ seed, limit, keepMs }: IdWindowOptions): IdWindow {
  let capacity = 16
  while (capacity < limit + 1) capacity *= 2
  // The ring: ids in the order they came. head and tail only rise; a place is their remainder by capacity.
  let high = NO_WORDS
  let low = NO_WORDS
  let times = NO_TIMES
  let head = 0
  let tail = 0
  // The table: open addressing, each slot 1 + a place in the ring, 0 for empty. At most half full.
  let slots = NO_SLOTS
  let hash1 = 0
  let hash2 = 0

  /**
   * With the first id, all of it at once: what is never touched costs no memory, and growing would stall for as long as it takes to copy.
   * Not before: the garbage collector counts it, and would run for it at every start.
   */
  function makeRoom(): void {
    high = new Uint32Array(capacity)
    low = new Uint32Array(capacity)
    times = new Float64Array(capacity)
    slots = new Uint32Array(capacity * 2)
  }

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

  /** The slot of the id with the current hash, or the empty one where it would stand. */
  function find(): number {
    const mask = slots.length - 1
    let slot = hash2 & mask
    for (;;) {
      const place = slots[slot]!
      if (place === 0 || (high[place - 1] === hash1 && low[place - 1] === hash2)) return slot
      slot = (slot + 1) & mask
    }
  }

  /** Empties a slot and moves back what it had pushed on (Knuth, TAOCP vol. 3, 6.4, algorithm R). */
  function vacate(slot: number): void {
    const mask = slots.length - 1
    let hole = slot
    slots[hole] = 0
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const home = low[slots[next]! - 1]! & mask
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      slots[hole] = slots[next]!
      slots[next] = 0
      hole = next
    }
  }

  function remove(position: number): void {
    const place = position % capacity
    hash1 = high[place]!
    hash2 = low[place]!
    vacate(find())
  }

  function push(ms: number): void {
    if (slots === NO_SLOTS) makeRoom()
    const slot = find()
    const place = tail % capacity
    high[place] = hash1
    low[place] = hash2
    times[place] = ms
    slots[slot] = place + 1
    tail++
  }

  return {
    add(id, ms) {
      while (head < tail && (tail - head >= limit || times[head % capacity]! <= ms - keepMs)) remove(head++)
      hash(id)
      if (slots[find()] !== 0) return false
      push(ms)
      return true
    },
    undo(count) {
      for (let i = 0; i < count && tail > head; i++) remove(--tail)
    },
    get size() {
      return tail - head
    },
    clear() {
      head = 0
      tail = 0
      slots.fill(0)
    },
    save(from = 0, count = Number.POSITIVE_INFINITY) {
      const ids = Math.max(0, Math.min(count, tail - head - from))
      const hashes = new Uint32Array(2 * ids)
      const kept = new Float64Array(ids)
      for (let i = 0; i < ids; i++) {
        const place = (head + from + i) % capacity
        hashes[2 * i] = high[place]!
        hashes[2 * i + 1] = low[place]!
        kept[i] = times[place]!
      }
      return { seed, hashes, times: kept }
    },
    restore(hashes, saved) {
      for (let i = 0; i < saved.length; i++) {
        if (head < tail && tail - head >= limit) remove(head++)
        hash1 = hashes[2 * i]!
        hash2 = hashes[2 * i + 1]!
        push(saved[i]!)
      }
    },
  }
}
