/** The hash of an attempt id in an index: 32 bits of its UTF-8 bytes. Two ids with the same hash cost one needless read of a record. */

/**
 * FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo, 1991) with a seed, and the finalizer of MurmurHash3 (A. Appleby, 2011). Signed: V8 stores such
 * numbers without an object.
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
