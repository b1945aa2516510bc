import { isFutile } from '../../../src/core/statistics/futility.ts'
import { meanDifference } from '../../../src/core/statistics/mean-difference.ts'
import { createRandom, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { sampleRatio } from '../../../src/core/statistics/sample-ratio.ts'
import { compareRates, pValueOf } from '../../../src/core/statistics/sequential.ts'
import { listed, median, percent, type Simulation, share } from './simulation.ts'

const SEQUENTIAL = { alpha: 0.05, adaptive: false }

/** The lowest p-value of the sample-ratio check over all looks at one experiment, one look after every attempt. */
function lowestP(random: Random, { assigned, intended, attempts }: Split): number {
  const counts = assigned.map(() => 0)
  let lowest = 1
  for (let n = 0; n < attempts; n++) {
    const at = random()
    let arm = 0
    for (let sum = assigned[0]!; at >= sum && arm < assigned.length - 1; ) sum += assigned[++arm]!
    counts[arm]!++
    lowest = Math.min(lowest, sampleRatio(counts, intended).p_value ?? 1)
  }
  return lowest
}

interface Split {
  /** The true shares, which sum to 1. */
  readonly assigned: readonly number[]
  readonly intended: readonly number[]
  readonly attempts: number
}

/** A draw of the successes of many attempts, by the normal approximation. */
function drawSuccesses(random: Random, attempts: number, rate: number): number {
  const drawn = rate * attempts + Math.sqrt(attempts * rate * (1 - rate)) * drawNormal(random)
  return Math.max(0, Math.min(attempts, Math.round(drawn)))
}

/** Looks at a comparison of two rates after every `each` attempts of both arms. Stops where `stop` returns a result. */
function lookOften<Result>(
  random: Random,
  [p, q]: readonly [number, number],
  { from = 0, each, to }: { readonly from?: number; readonly each: number; readonly to: number },
  stop: (arms: readonly [Arm, Arm], n: number) => Result | undefined,
): Result | undefined {
  let [a, b] = [0, 0]
  for (let n = each; n <= to; n += each) {
    a += drawSuccesses(random, each, p)
    b += drawSuccesses(random, each, q)
    if (n < from) continue
    const result = stop([arm(a, n), arm(b, n)], n)
    if (result !== undefined) return result
  }
  return undefined
}

interface Arm {
  readonly successes: number
  readonly attempts: number
}

const arm = (successes: number, attempts: number): Arm => ({ successes, attempts })

const isNotWorse = ([a, b]: readonly [Arm, Arm], margin: number): boolean =>
  compareRates(a, b, SEQUENTIAL).difference_interval.low > -margin

const isDecided = ([a, b]: readonly [Arm, Arm]): boolean => pValueOf(a, b, SEQUENTIAL) <= SEQUENTIAL.alpha

/** Whether a comparison is called futile at any look, and whether 20,000 further attempts decide it after that. */
function futility(random: Random, rates: readonly [number, number]): { readonly at?: number; readonly late: boolean } {
  let at: number | undefined
  const late = lookOften(random, rates, { each: 250, to: 25_000 }, (arms, n) => {
    if (isDecided(arms)) return at !== undefined
    if (at === undefined && isFutile(...arms, SEQUENTIAL, undefined)) at = n
    return at !== undefined && n >= at + 10_000 ? false : undefined
  })
  return { ...(at !== undefined && { at }), late: late === true }
}

/** Whether any look misses a true difference of mean times of 0: the second arm gets one attempt in ten. */
function missesTimes(random: Random, sigma: number): boolean {
  const arms = [
    { n: 0, sum: 0, squared_deviations: 0 },
    { n: 0, sum: 0, squared_deviations: 0 },
  ] as const
  for (let n = 1; n <= 3000; n++) {
    const time = Math.exp(sigma * drawNormal(random))
    const sums = arms[n % 10 === 0 ? 1 : 0] as { n: number; sum: number; squared_deviations: number }
    // B. P. Welford, Technometrics 4 (1962).
    const before = sums.n === 0 ? time : sums.sum / sums.n
    sums.n++
    sums.sum += time
    sums.squared_deviations += (time - before) * (time - sums.sum / sums.n)
    const interval = n % 10 === 0 ? meanDifference(...arms, 0.05)?.interval : undefined
    if (interval != null && (interval.low > 0 || interval.high < 0)) return true
  }
  return false
}

export const experimentSimulations: readonly Simulation[] = [
  {
    name: 'sample-ratio check, after every attempt up to 300',
    promise: 'p < 0.001 in at most 0.1 % of correct splits, and p <= 5 % in at most 5 %',
    run() {
      const random = createRandom('sample ratio')
      const splits = [
        ['50:50', [0.5, 0.5]],
        ['90:10', [0.9, 0.1]],
      ] as const
      const measured = splits.map(([label, shares]) => {
        const lowest = Array.from({ length: 3000 }, () =>
          lowestP(random, { assigned: shares, intended: shares, attempts: 300 }),
        )
        const below = (bound: number): number => lowest.filter(p => p < bound).length / lowest.length
        return { label, mismatch: below(0.001), significant: below(0.05) }
      })
      return {
        measured: listed(
          measured.map(({ label, mismatch, significant }) => [
            label,
            `${percent(mismatch, 2)} and ${percent(significant)}`,
          ]),
        ),
        holds: measured.every(({ mismatch, significant }) => mismatch <= 0.001 && significant <= 0.05),
      }
    },
  },
  {
    name: 'sample-ratio check of 60:40 where 50:50 is intended, after every attempt up to 1,000',
    promise: 'reports a mismatch in at least 99 % of experiments',
    run() {
      const random = createRandom('broken split')
      const found = share(
        300,
        () => lowestP(random, { assigned: [0.6, 0.4], intended: [1, 1], attempts: 1000 }) < 0.001,
      )
      return { measured: percent(found), holds: found >= 0.99 }
    },
  },
  {
    name: 'non-inferiority by a margin of 5 points, true loss 5 points, after every 25 pairs up to 3,000',
    promise: 'calls the variant not worse in at most 5 % of tests',
    run() {
      const random = createRandom('inferior')
      const claimed = [0.5, 0.7, 0.95].map(rate => {
        const rates = [rate, rate - 0.05] as const
        const claims = share(
          600,
          () => lookOften(random, rates, { each: 25, to: 3000 }, arms => isNotWorse(arms, 5) || undefined) ?? false,
        )
        return [percent(rate, 0), claims] as const
      })
      return {
        measured: listed(claimed.map(([label, claims]) => [label, percent(claims)])),
        holds: claimed.every(([, claims]) => claims <= 0.05),
      }
    },
  },
  {
    name: 'non-inferiority by a margin of 5 points, two equal variants of 90 %, after every 25 pairs',
    promise: 'calls the variant not worse within 2,000 attempts of each in half of all tests',
    run() {
      const random = createRandom('equal')
      const after = Array.from(
        { length: 300 },
        () =>
          lookOften(random, [0.9, 0.9], { each: 25, to: 6000 }, (arms, n) => (isNotWorse(arms, 5) ? n : undefined)) ??
          Number.POSITIVE_INFINITY,
      )
      return { measured: `median ${median(after)}`, holds: median(after) <= 2000 }
    },
  },
  {
    name: 'futility, true differences normal with a deviation of 3 points, after every 250 pairs',
    promise: 'of comparisons that are called futile, 20,000 further attempts decide at most 20 %',
    run() {
      const random = createRandom('futility')
      const runs = Array.from({ length: 400 }, () => {
        const rate = 0.3 + 0.4 * random()
        return futility(random, [rate, rate + 0.03 * drawNormal(random)])
      })
      const futile = runs.filter(({ at }) => at !== undefined)
      const late = futile.filter(each => each.late).length / futile.length
      return { measured: `${percent(late)} of ${futile.length} in 400`, holds: late <= 0.2 && futile.length > 100 }
    },
  },
  {
    name: 'futility of two equal variants, after every 250 pairs',
    promise: 'is called within 3,000 attempts of each in half of all tests, and is right in at least 97 %',
    run() {
      const random = createRandom('no difference')
      const runs = Array.from({ length: 200 }, () => futility(random, [0.6, 0.6]))
      const middle = median(runs.map(({ at }) => at ?? Number.POSITIVE_INFINITY))
      const right = 1 - runs.filter(({ late }) => late).length / runs.length
      return { measured: `median ${middle}, right in ${percent(right)}`, holds: middle <= 3000 && right >= 0.97 }
    },
  },
  {
    name: 'difference of mean times, log-normal, 9 attempts to 1, after every tenth attempt up to 3,000',
    promise: 'the interval misses the true difference at any look in at most 5 % of tests',
    run() {
      const random = createRandom('times')
      const missed = [1, 2].map(sigma => [`sigma ${sigma}`, share(300, () => missesTimes(random, sigma))] as const)
      return {
        measured: listed(missed.map(([label, misses]) => [label, percent(misses)])),
        holds: missed.every(([, misses]) => misses <= 0.05),
      }
    },
  },
]
