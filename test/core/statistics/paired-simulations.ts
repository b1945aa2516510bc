import { pairedInterval } from '../../../src/core/statistics/paired-difference.ts'
import { listed, percent, type Simulation } from './simulation.ts'

/** Shares of attempts that only claim a success, and that only turn out to be one. */
const DISAGREEMENTS = [
  [0, 0],
  [0.05, 0],
  [0.05, 0.05],
  [0.2, 0.02],
  [0.3, 0.1],
  [0.4, 0.3],
] as const
const SIZES = [10, 30, 100]

/** Exact coverage: the probability of all numbers of disagreements whose interval contains the difference. */
function coverageOf(attempts: number, [over, under]: readonly [number, number]): number {
  const logFactorials = [0]
  for (let i = 1; i <= attempts; i++) logFactorials.push(logFactorials[i - 1]! + Math.log(i))
  const power = (share: number, count: number): number => (count === 0 ? 0 : count * Math.log(share))
  let coverage = 0
  for (let onlyFirst = 0; onlyFirst <= attempts; onlyFirst++) {
    for (let onlySecond = 0; onlyFirst + onlySecond <= attempts; onlySecond++) {
      const { low, high } = pairedInterval({ attempts, onlyFirst, onlySecond })
      const difference = (over - under) * 100
      if (difference < low || difference > high) continue
      const others = attempts - onlyFirst - onlySecond
      const ways =
        logFactorials[attempts]! - logFactorials[onlyFirst]! - logFactorials[onlySecond]! - logFactorials[others]!
      coverage += Math.exp(ways + power(over, onlyFirst) + power(under, onlySecond) + power(1 - over - under, others))
    }
  }
  return coverage
}

export const pairedSimulations: readonly Simulation[] = [
  {
    name: 'interval of the reported minus the verified success rate, with 0 to 40 % of successes over-claimed and 0 to 30 % under-claimed',
    promise: 'covers the true difference in at least 93 % of cases from 10 attempts on',
    run() {
      const worst = SIZES.map(attempts => Math.min(...DISAGREEMENTS.map(shares => coverageOf(attempts, shares))))
      const measured = listed(worst.map((coverage, i) => [`${SIZES[i]} attempts`, `at worst ${percent(coverage)}`]))
      return { measured, holds: Math.min(...worst) >= 0.93 }
    },
  },
]
