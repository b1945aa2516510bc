/** The ids of one lookup, by the 32-bit hash that the index has of them. */
import { hashBytes } from './hash.ts'

/** Bits of the filter: of a thousand ids, it lets one of 65 other hashes pass. */
export const FILTER_BITS = 16

export interface WantedIds {
  /** 0 at the upper {@link FILTER_BITS} bits of a hash that no wanted id has. A loop over an index looks here first. */
  readonly filter: Uint8Array
  /** Whether an id with this hash may be wanted. */
  has(hash: number): boolean
  readonly size: number
  remove(id: string): void
}

/** `seed` is that of the index. */
export function createWantedIds(ids: Iterable<string>, seed: number): WantedIds {
  const filter = new Uint8Array(2 ** FILTER_BITS)
  /** How many of the ids have a hash. */
  const hashes = new Map<number, number>()
  const left = new Set(ids)
  for (const id of left) {
    const hash = hashOf(id)
    filter[hash >>> (32 - FILTER_BITS)] = 1
    hashes.set(hash, (hashes.get(hash) ?? 0) + 1)
  }

  function hashOf(id: string): number {
    const bytes = Buffer.from(id)
    return hashBytes(bytes, 0, bytes.length, seed)
  }

  return {
    filter,
    has: hash => filter[hash >>> (32 - FILTER_BITS)] === 1 && hashes.has(hash),
    get size() {
      return left.size
    },
    remove(id) {
      if (!left.delete(id)) return
      const hash = hashOf(id)
      const count = hashes.get(hash)!
      if (count === 1) hashes.delete(hash)
      else hashes.set(hash, count - 1)
    },
  }
}
