/** The hash table of a dedup window: from the hash of an id to its index in the ring. Open addressing with linear probing. */
import { highAt, type IdRing, lowAt } from './id-ring.ts'

/** The table is split by one byte of the hash. Each part grows by itself, so that no growth takes longer than a few milliseconds. */
const PARTS = 256
const MIN_SLOTS = 16

/** At most half of the slots are used. */
interface Part {
  /** 1 + the index in the ring. 0 for a free slot. */
  slots: Uint32Array
  used: number
}

export interface IdTable {
  parts: (Part | undefined)[]
  /** Slots of a new part. */
  readonly firstSlots: number
}

/** A table that does not have to grow before it holds `expected` ids. Memory is allocated with the first ids. */
export function createIdTable(expected: number): IdTable {
  let firstSlots = MIN_SLOTS
  while (firstSlots * PARTS < 2.5 * expected) firstSlots *= 2
  return { parts: [], firstSlots }
}

function partOf(table: IdTable, high: number): Part {
  const number = high & (PARTS - 1)
  const known = table.parts[number]
  if (known !== undefined) return known
  const part = { slots: new Uint32Array(table.firstSlots), used: 0 }
  table.parts[number] = part
  return part
}

/** The index in the ring of the hash at `at` of `hashes`. -1 if the table does not have it. */
export function findIndex(table: IdTable, ring: IdRing, hashes: Uint32Array, at: number): number {
  const { slots } = partOf(table, hashes[at]!)
  return slots[findSlot(slots, ring, hashes[at]!, hashes[at + 1]!)]! - 1
}

/** Sets the index of the id at `index` of the ring. It replaces the index of an older id with the same hash. */
export function putIndex(table: IdTable, ring: IdRing, index: number): void {
  const high = highAt(ring, index)
  const part = partOf(table, high)
  if (2 * (part.used + 1) > part.slots.length) grow(part, ring)
  const slot = findSlot(part.slots, ring, high, lowAt(ring, index))
  if (part.slots[slot] === 0) part.used++
  part.slots[slot] = index + 1
}

/** Removes the id at `index` of the ring, unless the same id was added again later. */
export function removeIndex(table: IdTable, ring: IdRing, index: number): void {
  const high = highAt(ring, index)
  const part = partOf(table, high)
  const slot = findSlot(part.slots, ring, high, lowAt(ring, index))
  if (part.slots[slot] !== index + 1) return
  freeSlot(part.slots, slot, ring)
  part.used--
}

/** The slot of a hash, or the free slot where it belongs. */
function findSlot(slots: Uint32Array, ring: IdRing, high: number, low: number): number {
  const mask = slots.length - 1
  let slot = low & mask
  for (;;) {
    const entry = slots[slot]!
    if (entry === 0 || (lowAt(ring, entry - 1) === low && highAt(ring, entry - 1) === high)) return slot
    slot = (slot + 1) & mask
  }
}

/** Frees a slot and moves back displaced entries (D. E. Knuth, The Art of Computer Programming, vol. 3, section 6.4, algorithm R). */
function freeSlot(slots: Uint32Array, slot: number, ring: IdRing): void {
  const mask = slots.length - 1
  let free = slot
  slots[free] = 0
  for (let next = (free + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
    const home = lowAt(ring, slots[next]! - 1) & mask
    if (((next - home) & mask) < ((next - free) & mask)) continue
    slots[free] = slots[next]!
    slots[next] = 0
    free = next
  }
}

function grow(part: Part, ring: IdRing): void {
  const slots = new Uint32Array(part.slots.length * 2)
  const mask = slots.length - 1
  for (const entry of part.slots) {
    if (entry === 0) continue
    let slot = lowAt(ring, entry - 1) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = entry
  }
  part.slots = slots
}
