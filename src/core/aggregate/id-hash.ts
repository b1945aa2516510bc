/** The hash of an attempt id: 64 bits under a seed. */

/**
 * Writes the hash of `id` into the two words of `into` at `at`. A mixing hash of UTF-16 units in two lanes of 32 bits. The multipliers and the
 * finalizer follow MurmurHash3 (A. Appleby, 2011).
 */
export function hashId(seed: readonly [number, number], id: string, into: Uint32Array, at: number): void {
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
  into[at] = a ^ (b >>> 15)
  into[at + 1] = b ^ (a >>> 16)
}
