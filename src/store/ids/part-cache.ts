/** The index of a log's parts that was built so far, bounded by its number of entries. */
import type { IdColumns } from './id-columns.ts'

/** 64 MB. A journal of 1 GiB has about half as many records. */
const MAX_ENTRIES = 8_000_000

/** The index of one part, up to `end`: a byte offset, or a position. */
export interface IndexedUpTo<End> {
  readonly ids: IdColumns
  end: End
}

export interface PartCache<End> {
  /** The part, which counts as used now. */
  get(part: number): IndexedUpTo<End> | undefined
  /** Adds a part, or replaces it. Removes the parts that were not used for the longest time while there are too many entries. */
  set(part: number, index: IndexedUpTo<End>): void
  /** Removes the parts below this number. */
  removeBelow(part: number): void
  clear(): void
}

export function createPartCache<End>(maxEntries: number = MAX_ENTRIES): PartCache<End> {
  /** In the order of their last use. */
  const parts = new Map<number, IndexedUpTo<End>>()

  function entries(): number {
    let sum = 0
    for (const { ids } of parts.values()) sum += ids.size
    return sum
  }

  return {
    get(part) {
      const found = parts.get(part)
      if (found === undefined) return undefined
      parts.delete(part)
      parts.set(part, found)
      return found
    },
    set(part, index) {
      parts.delete(part)
      parts.set(part, index)
      for (const oldest of parts.keys()) {
        if (oldest === part || entries() <= maxEntries) break
        parts.delete(oldest)
      }
    },
    removeBelow(part) {
      for (const one of parts.keys()) if (one < part) parts.delete(one)
    },
    clear: () => parts.clear(),
  }
}
