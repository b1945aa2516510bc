/**
 * Reproducible pseudo-random numbers: the same seed gives the same numbers on every machine. For simulation and
 * exploration, not for cryptography.
 */

/** The next number, uniform from 0 (inclusive) to 1 (exclusive), with 53 random bits. */
export type Random = () => number

/**
 * A generator seeded with a 32-bit number or any string.
 * Source: sfc32 of C. Doty-Humphrey, PractRand (2010), period at least 2^32, about 2^127 on average. Seeds are hashed
 * with FNV-1a and the finalizer of MurmurHash3 (A. Appleby, 2011).
 */
export function createRandom(seed: number | string): Random {
  let hash = 0x811c9dc5
  const text = String(seed)
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  const word = (): number => {
    hash = (hash + 0x9e3779b9) | 0
    const h1 = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    const h2 = Math.imul(h1 ^ (h1 >>> 13), 0xc2b2ae35)
    return h2 ^ (h2 >>> 16)
  }
  const next = sfc32(word(), word(), word())
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000
}

function sfc32(seedA: number, seedB: number, seedC: number): () => number {
  let [a, b, c, counter] = [seedA, seedB, seedC, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum
  }
  for (let i = 0; i < 15; i++) next()
  return next
}

/** A standard normal draw. Source: G. Marsaglia and T. A. Bray, SIAM Review 6 (1964), polar method. */
export function drawNormal(random: Random): number {
  for (;;) {
    const u = 2 * random() - 1
    const v = 2 * random() - 1
    const square = u * u + v * v
    if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square)
  }
}

/** A gamma draw of the given shape (> 0) and scale 1. Source: G. Marsaglia and W. W. Tsang, ACM TOMS 26 (2000). */
export function drawGamma(random: Random, shape: number): number {
  if (shape < 1) return drawGamma(random, shape + 1) * (1 - random()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = drawNormal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** A beta draw, shapes above 0. Source: two gammas, L. Devroye, Non-Uniform Random Variate Generation (1986), IX.4. */
export function drawBeta(random: Random, a: number, b: number): number {
  const x = drawGamma(random, a)
  const y = drawGamma(random, b)
  // With shapes far below 1 both gammas can underflow to 0. The distribution is then a Bernoulli distribution on {0, 1}.
  return x + y > 0 ? x / (x + y) : random() * (a + b) < a ? 1 : 0
}
