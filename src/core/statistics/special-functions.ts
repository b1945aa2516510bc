/** Special functions for the distributions, with about 13 significant digits. Arguments must be finite. */

const HALF_LOG_2PI = 0.9189385332046727
const TINY = 1e-300
const MAX_TERMS = 100_000

/** The remainder of Stirling's formula for ln Γ(x), for x >= 10. Source: Abramowitz & Stegun (1964), 6.1.41. */
function stirlingRemainder(x: number): number {
  const r = 1 / (x * x)
  const series = 1 / 1188 - r * (691 / 360360 - r / 156)
  return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * series)))) / x
}

/** ln Γ(x) for x > 0. Source: Stirling's series, Abramowitz & Stegun 6.1.41, after shifting x to 10 by 6.1.15. */
export function logGamma(x: number): number {
  let shift = 1
  let y = x
  for (; y < 10; y++) shift *= y
  return (y - 0.5) * Math.log(y) - y + HALF_LOG_2PI + stirlingRemainder(y) - Math.log(shift)
}

/**
 * ln B(a, b) for a, b > 0. Avoids the cancellation of three large log-gammas.
 * Source: A. R. DiDonato and A. H. Morris, ACM TOMS 18 (1992), algorithm 708.
 */
export function logBeta(a: number, b: number): number {
  const p = Math.min(a, b)
  const q = Math.max(a, b)
  if (q < 10) return logGamma(p) + logGamma(q) - logGamma(p + q)
  const remainder = stirlingRemainder(q) - stirlingRemainder(p + q)
  const log1p = Math.log1p(-p / (p + q))
  if (p < 10) return logGamma(p) + remainder + p - p * Math.log(p + q) + (q - 0.5) * log1p
  const main = HALF_LOG_2PI - 0.5 * Math.log(q) + stirlingRemainder(p)
  return main + remainder + (p - 0.5) * Math.log(p / (p + q)) + q * log1p
}

/**
 * I_x(a, b), the regularized incomplete beta function, for x from 0 to 1 and a, b > 0. Pass `y` = 1 - x if it is known more
 * precisely than the subtraction gives it. Source: Abramowitz & Stegun 26.5.8, evaluated by Lentz's method
 * (W. J. Lentz, Appl. Opt. 15, 1976; I. J. Thompson and A. R. Barnett, J. Comput. Phys. 64, 1986).
 */
export function regularizedBeta(x: number, a: number, b: number, y: number = 1 - x): number {
  if (x <= 0) return 0
  if (y <= 0) return 1
  // Takes the logarithm of the smaller of x and y. The larger may be near 1 and lose its digits.
  const logX = x < 0.5 ? Math.log(x) : Math.log1p(-y)
  const logY = y < 0.5 ? Math.log(y) : Math.log1p(-x)
  const front = Math.exp(a * logX + b * logY - logBeta(a, b))
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(y, b, a)) / b
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / awayFromZero(1 + even * d)
    c = awayFromZero(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / awayFromZero(1 + odd * d)
    c = awayFromZero(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return fraction
}

/**
 * P(a, x) and Q(a, x) = 1 - P(a, x), the regularized incomplete gamma functions, for a > 0 and x >= 0. The smaller of
 * the two keeps its relative precision. Source: Abramowitz & Stegun 6.5.29 (series, x < a + 1) and 6.5.31 (its even part).
 */
export function regularizedGamma(a: number, x: number): { readonly lower: number; readonly upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 }
  if (x === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 }
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    const lower = Math.min(front * gammaSeries(a, x), 1)
    return { lower, upper: 1 - lower }
  }
  const upper = Math.min(front * gammaFraction(a, x), 1)
  return { lower: 1 - upper, upper }
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < MAX_TERMS && term > sum * 1e-16; n++) {
    term *= x / (a + n)
    sum += term
  }
  return sum
}

function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / awayFromZero(b)
  let fraction = d
  for (let n = 1; n < MAX_TERMS; n++) {
    const an = -n * (n - a)
    b += 2
    d = 1 / awayFromZero(an * d + b)
    c = awayFromZero(b + an / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return fraction
}

function awayFromZero(x: number): number {
  return Math.abs(x) < TINY ? TINY : x
}
