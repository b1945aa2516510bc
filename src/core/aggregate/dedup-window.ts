/**
 * The dedup window: the ids of recent attempts, at most `limit`. It stores 64-bit hashes under a secret seed, about 30 bytes per id. Two
 * different ids have the same hash with a probability of 5e-14 per attempt in a full window of a million. An attacker without the seed
 * cannot construct such ids.
 *
 * An id is known for `keepMs` after its own time of receipt. If the id received {@link SPREAD} ids earlier has a later time, that time
 * counts. Therefore a clock that jumps ahead makes no other id new, and the ids of a clock that jumps back stay known. Old ids are removed
 * only when ids throughout the last {@link SPREAD} agree that they are too old. The known ids depend only on the stored ids and their
 * times.
 */
import { hashId } from './id-hash.ts'
import { createIdRing, highAt, type IdRing, indexAt, lowAt, olderThan, pushId, shiftId, timeAt } from './id-ring.ts'
import { createIdTable, findIndex, type IdTable, putIndex, removeIndex } from './id-table.ts'

/** A dedup window. Times are in milliseconds. */
export interface DedupWindow {
  /**
   * Adds `id`. False if it was known. O(1). `ms` is the time of receipt. If it is before that of an earlier attempt, the id stays known for
   * longer.
   */
  add(id: string, ms: number): boolean
  /** Whether {@link add} would return false. */
  has(id: string, ms: number): boolean
  /** Writes the hash of `id` into the two words of `hashes` at `at`, for {@link hasHash} and {@link addHash} of this window. */
  hash(id: string, hashes: Uint32Array, at: number): void
  /** {@link has} for a hash. A caller that first tests and later adds an id hashes it only once. */
  hasHash(hashes: Uint32Array, at: number, ms: number): boolean
  /** {@link add} for a hash. */
  addHash(hashes: Uint32Array, at: number, ms: number): boolean
  readonly size: number
  /** The limits in force. */
  readonly limits: Pick<DedupWindowOptions, 'limit' | 'keepMs'>
  /** Sets new limits, such as those with which a part of the journal was written. */
  limitTo(limits: Pick<DedupWindowOptions, 'limit' | 'keepMs'>): void
  clear(): void
  /** Hashes and times for a snapshot, oldest first: of `count` ids from the `from`-th on. */
  save(from?: number, count?: number): DedupWindowState
  /** Appends ids that {@link save} returned of a window with the same seed. Beyond the limit, the newest ids stay. */
  restore(hashes: Uint32Array, times: Float64Array): void
}

export interface DedupWindowState {
  readonly seed: readonly [number, number]
  /** Two words per id. */
  readonly hashes: Uint32Array
  readonly times: Float64Array
}

export interface DedupWindowOptions {
  readonly seed: readonly [number, number]
  /** The maximum number of ids, up to {@link MAX_IDS}. The oldest ones are removed. */
  readonly limit: number
  readonly keepMs: number
  /** The number of ids that will be restored. The table is allocated large enough for them. */
  readonly expected?: number
}

/** The maximum number of ids in a window: about 300 MB. */
export const MAX_IDS = 10_000_000

/** The distance, in ids, between an id and the earlier id that can confirm its time. */
const SPREAD = 1024
/** Distances from the newest id to those that must agree before an id is removed because of its age. */
const WITNESSES = [0, SPREAD / 4, SPREAD / 2, (3 * SPREAD) / 4, SPREAD - 1]

interface WindowState {
  ring: IdRing
  table: IdTable
  limit: number
  keepMs: number
}

export function createDedupWindow({ seed, limit, keepMs, expected = 0 }: DedupWindowOptions): DedupWindow {
  const maxIds = Math.min(limit, MAX_IDS)
  const table = createIdTable(Math.min(expected, maxIds))
  const window: WindowState = { ring: createIdRing(), table, limit: maxIds, keepMs }
  const own = new Uint32Array(2)
  return {
    add(id, ms) {
      hashId(seed, id, own, 0)
      return add(window, own, 0, ms)
    },
    has(id, ms) {
      hashId(seed, id, own, 0)
      return isKnown(window, own, 0, ms)
    },
    hash: (id, hashes, at) => hashId(seed, id, hashes, at),
    hasHash: (hashes, at, ms) => isKnown(window, hashes, at, ms),
    addHash: (hashes, at, ms) => add(window, hashes, at, ms),
    get size() {
      return window.ring.size
    },
    get limits() {
      return { limit: window.limit, keepMs: window.keepMs }
    },
    limitTo(limits) {
      window.limit = Math.min(limits.limit, MAX_IDS)
      window.keepMs = limits.keepMs
      while (window.ring.size > window.limit) removeOldest(window)
    },
    clear() {
      window.ring = createIdRing()
      window.table.parts = []
    },
    save: (from = 0, count = Number.POSITIVE_INFINITY) => ({ seed, ...copyIds(window.ring, from, count) }),
    restore(hashes, times) {
      for (let i = 0; i < times.length; i++) {
        push(window, hashes, 2 * i, times[i]!)
        while (window.ring.size > window.limit) removeOldest(window)
      }
    },
  }
}

function add(window: WindowState, hashes: Uint32Array, at: number, ms: number): boolean {
  if (isKnown(window, hashes, at, ms)) return false
  while (isOldestExpired(window)) removeOldest(window)
  push(window, hashes, at, ms)
  return true
}

function isKnown({ ring, table, keepMs }: WindowState, hashes: Uint32Array, at: number, ms: number): boolean {
  const index = findIndex(table, ring, hashes, at)
  if (index < 0) return false
  if (ms - timeAt(ring, index) < keepMs) return true
  return ms - timeAt(ring, indexAt(ring, Math.max(0, olderThan(ring, index) - SPREAD))) < keepMs
}

function push({ ring, table }: WindowState, hashes: Uint32Array, at: number, ms: number): void {
  putIndex(table, ring, pushId(ring, hashes, at, ms))
}

function removeOldest({ ring, table }: WindowState): void {
  removeIndex(table, ring, ring.head)
  shiftId(ring)
}

/** Whether the oldest id must be removed. The window is full, the id is too old, or its time is so far ahead that it would never expire. */
function isOldestExpired({ ring, limit, keepMs }: WindowState): boolean {
  if (ring.size >= limit) return ring.size > 0
  if (ring.size <= SPREAD) return false
  const ms = timeAt(ring, ring.head)
  let [later, earlier] = [true, true]
  for (const distance of WITNESSES) {
    const witnessMs = timeAt(ring, indexAt(ring, -1 - distance))
    later &&= witnessMs - ms >= keepMs
    earlier &&= ms - witnessMs >= keepMs
    if (!later && !earlier) return false
  }
  return true
}

function copyIds(ring: IdRing, from: number, count: number): Pick<DedupWindowState, 'hashes' | 'times'> {
  const ids = Math.max(0, Math.min(count, ring.size - from))
  const hashes = new Uint32Array(2 * ids)
  const times = new Float64Array(ids)
  for (let i = 0; i < ids; i++) {
    const index = indexAt(ring, from + i)
    hashes[2 * i] = highAt(ring, index)
    hashes[2 * i + 1] = lowAt(ring, index)
    times[i] = timeAt(ring, index)
  }
  return { hashes, times }
}
