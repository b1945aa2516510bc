/** A part of an index of attempt ids: the hash of each id, and the place of its record. 8 bytes per record. */
import { FILTER_BITS, type WantedIds } from './wanted.ts'

/**
 * The newest records of an id that one part returns. An outcome behind so many later ones of its attempt is not recognised when it is sent again:
 * more would be read for each outcome of such an attempt.
 */
const MAX_PER_ID = 64

export interface IdColumns {
  readonly size: number
  /** Adds a record. The same id and place, twice in a row, is one entry: an outcome states the id of its attempt twice. */
  add(hash: number, place: number): void
  /** The places of records whose id may be wanted, ascending and without repetition. Greater places are newer. */
  placesOf(wanted: WantedIds): number[]
}

export function createIdColumns(): IdColumns {
  let hashes = new Int32Array(256)
  let places = new Uint32Array(256)
  let size = 0

  function grow(): void {
    const [oldHashes, oldPlaces] = [hashes, places]
    hashes = new Int32Array(2 * size)
    places = new Uint32Array(2 * size)
    hashes.set(oldHashes)
    places.set(oldPlaces)
  }

  return {
    get size() {
      return size
    },
    add(hash, place) {
      if (size > 0 && hashes[size - 1] === hash && places[size - 1] === place) return
      if (size === hashes.length) grow()
      hashes[size] = hash
      places[size++] = place
    },
    placesOf(wanted) {
      const found = new Map<number, Set<number>>()
      const { filter } = wanted
      // Local copies: the loop runs over every record of the part.
      const [all, end] = [hashes, size]
      for (let i = 0; i < end; i++) {
        const hash = all[i]!
        if (filter[hash >>> (32 - FILTER_BITS)] === 0 || !wanted.has(hash)) continue
        const known = found.get(hash)
        if (known === undefined) found.set(hash, new Set([places[i]!]))
        else known.add(places[i]!)
      }
      const kept = new Set<number>()
      for (const some of found.values()) for (const place of newestOf(some)) kept.add(place)
      return ascending(kept)
    },
  }
}

function newestOf(places: ReadonlySet<number>): Iterable<number> {
  return places.size <= MAX_PER_ID ? places : ascending(places).slice(-MAX_PER_ID)
}

const ascending = (numbers: ReadonlySet<number>): number[] => [...numbers].sort((a, b) => a - b)
