import type { Counts } from './counts.ts'
import { logBeta } from './special-functions.ts'

/**
 * Two-sided p-value of the hypothesis "both rates are equal", 0 to 1, for integer counts. 1 if either side has no attempts.
 * Fisher's exact test holds its level at every n and every rate. The usual z-test does not below some dozens of attempts.
 * The cost is power: at small n the test is conservative.
 * Source: R. A. Fisher, J. R. Stat. Soc. 98 (1935). The two-sided region holds all tables that are at most as likely as
 * the observed one, as in R.
 */
export function fisherTest(a: Counts, b: Counts): number {
  const [n1, n2] = [a.attempts, b.attempts]
  const k = a.successes + b.successes
  const low = Math.max(0, k - n2)
  const high = Math.min(k, n1)
  const mode = Math.min(Math.max(Math.floor(((k + 1) * (n1 + 1)) / (n1 + n2 + 2)), low), high)
  const logWeight = (x: number): number => logChoose(n1, x) + logChoose(n2, k - x)
  // Relative to the likeliest table. The factor makes tables equal that differ by rounding only.
  const observed = Math.exp(logWeight(a.successes) - logWeight(mode)) * (1 + 1e-7)
  // Walks outward from the likeliest table, whose weight is 1, until further tables are too unlikely to change the sums.
  let total = 1
  let extreme = observed >= 1 ? 1 : 0
  const count = (weight: number): boolean => {
    total += weight
    if (weight <= observed) extreme += weight
    return weight > observed * 1e-17
  }
  for (let x = mode, weight = 1; x < high; x++) {
    weight *= ((k - x) * (n1 - x)) / ((x + 1) * (n2 - k + x + 1))
    if (!count(weight)) break
  }
  for (let x = mode, weight = 1; x > low; x--) {
    weight *= (x * (n2 - k + x)) / ((k - x + 1) * (n1 - x + 1))
    if (!count(weight)) break
  }
  return Math.min(1, extreme / total)
}

function logChoose(n: number, k: number): number {
  return -Math.log(n + 1) - logBeta(n - k + 1, k + 1)
}
