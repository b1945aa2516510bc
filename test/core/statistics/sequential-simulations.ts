import type { Counts } from '../../../src/core/statistics/counts.ts'
import { normalTwoSided } from '../../../src/core/statistics/distributions.ts'
import { exactPValue } from '../../../src/core/statistics/e-value.ts'
import { createRandom, drawBeta, type Random } from '../../../src/core/statistics/random.ts'
import { attemptsNeeded, pValueOf } from '../../../src/core/statistics/sequential.ts'
import { listed, median, percent, type Simulation, share } from './simulation.ts'

const PER_ARM = 600
const ALPHA = 0.05
const SEQUENTIAL = { alpha: ALPHA, adaptive: false }

/** The number of pairs after which `claims` first claims a difference, checked after every pair. Null if it never does. */
function firstClaim(random: Random, p: number, q: number, claims: (a: Counts, b: Counts) => boolean): number | null {
  let [a, b] = [0, 0]
  for (let n = 1; n <= PER_ARM; n++) {
    if (random() < p) a++
    if (random() < q) b++
    if (claims({ successes: a, attempts: n }, { successes: b, attempts: n })) return n
  }
  return null
}

/** Without the interval of `compareRates`, which takes most of its time. sequential.test.ts shows that the p-value is the same. */
const always = (a: Counts, b: Counts): boolean => pValueOf(a, b, SEQUENTIAL) <= ALPHA

/** The z-test of two proportions from 30 attempts per arm, which ignores repeated looks. */
function naive(a: Counts, b: Counts): boolean {
  if (a.attempts < 30) return false
  const pooled = (a.successes + b.successes) / (a.attempts + b.attempts)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.attempts + 1 / b.attempts))
  return error > 0 && normalTwoSided((a.successes / a.attempts - b.successes / b.attempts) / error) <= ALPHA
}

/** Whether a difference of equal arms is ever claimed under Thompson sampling. */
function claimsUnderBandit(random: Random, rate: number): boolean {
  const arms = [
    { successes: 0, attempts: 0 },
    { successes: 0, attempts: 0 },
  ] as const
  for (let n = 0; n < PER_ARM; n++) {
    const [x, y] = arms.map(arm => drawBeta(random, arm.successes + 0.5, arm.attempts - arm.successes + 0.5))
    const arm = arms[x! > y! ? 0 : 1] as { successes: number; attempts: number }
    arm.attempts++
    if (random() < rate) arm.successes++
    if (exactPValue(arms[0], arms[1]) <= ALPHA) return true
  }
  return false
}

export const sequentialSimulations: readonly Simulation[] = [
  ...[0.05, 0.5, 0.7, 0.9, 0.97].map(
    (rate): Simulation => ({
      name: `A/A test at ${percent(rate, 0)}, checked after every pair up to ${PER_ARM} per arm`,
      promise: 'claims a difference in at most 5 % of tests',
      run() {
        const random = createRandom(`A/A ${rate}`)
        const claimed = share(
          rate > 0.9 || rate < 0.1 ? 300 : 600,
          () => firstClaim(random, rate, rate, always) !== null,
        )
        const zTest = share(600, () => firstClaim(random, rate, rate, naive) !== null)
        return {
          measured: `${percent(claimed)} (a z-test checked as often: ${percent(zTest)})`,
          holds: claimed <= ALPHA && zTest > 0.2,
        }
      },
    }),
  ),
  {
    name: 'A/A test under a bandit, checked after every attempt up to 600',
    promise: 'the exact comparison claims a difference in at most 5 % of tests',
    run() {
      const random = createRandom('bandit')
      const claimed = [0.3, 0.7].map(rate => share(600, () => claimsUnderBandit(random, rate)))
      return {
        measured: listed([
          ['30 %', percent(claimed[0]!)],
          ['70 %', percent(claimed[1]!)],
        ]),
        holds: Math.max(...claimed) <= ALPHA,
      }
    },
  },
  ...(
    [
      [0.7, 0.85, 125],
      [0.6, 0.9, 50],
    ] as const
  ).map(
    ([p, q, limit]): Simulation => ({
      name: `A/B test of ${percent(p, 0)} against ${percent(q, 0)}`,
      promise: `finds the difference within ${limit} attempts per arm in half of all tests, never in the wrong direction`,
      run() {
        const random = createRandom(`A/B ${p} ${q}`)
        let wrong = 0
        const claims = Array.from({ length: 300 }, () => {
          return firstClaim(random, p, q, (a, b) => {
            const claimed = always(a, b)
            if (claimed && a.successes > b.successes) wrong++
            return claimed
          })
        })
        const middle = median(claims.map(n => n ?? Number.POSITIVE_INFINITY))
        return {
          measured: `median ${middle} per arm, ${wrong} of 300 in the wrong direction`,
          holds: middle <= limit && wrong === 0,
        }
      },
    }),
  ),
  {
    name: 'attempts needed',
    promise: 'after this number of further attempts, at least 80 % of tests have found the difference',
    run() {
      const cases = [
        [0.7, 0.85],
        [0.5, 0.8],
        [0.9, 0.97],
      ] as const
      const random = createRandom('needed')
      const decided = cases.map(([p, q]) => {
        const seen = 100
        const more = attemptsNeeded(
          { successes: p * seen, attempts: seen },
          { successes: q * seen, attempts: seen },
          SEQUENTIAL,
        )!
        const within = share(200, () => (firstClaim(random, p, q, always) ?? Number.POSITIVE_INFINITY) <= seen + more)
        return [seen + more, within] as const
      })
      return {
        measured: listed(
          cases.map(([p, q], i) => [
            `${percent(p, 0)} and ${percent(q, 0)}, ${decided[i]![0]} each`,
            percent(decided[i]![1]),
          ]),
        ),
        holds: decided.every(([, within]) => within >= 0.8),
      }
    },
  },
]
