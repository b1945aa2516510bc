import type { Counts } from '../../../src/core/statistics/counts.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { mantelHaenszel, type Strata, standardRate } from '../../../src/core/statistics/standardise.ts'
import { drawCounts, listed, percent, type Simulation, share } from './simulation.ts'

const RATES = new Map([
  ['easy', 0.95],
  ['middling', 0.75],
  ['hard', 0.4],
])

/** Attempts at the three kinds of issue, shared out by `mix`, with every rate `better` by as much. */
function drawStrata(random: Random, attempts: number, mix: readonly number[], better = 0): Map<string, Counts> {
  return new Map(
    [...RATES].map(([type, rate], i) => [type, drawCounts(random, Math.ceil(attempts * mix[i]!), rate + better)]),
  )
}

const SIZES = [30, 100, 400]
const FAIR_MIX = new Map([
  ['easy', 1],
  ['middling', 1],
  ['hard', 1],
])

export const fairSimulations: readonly Simulation[] = [
  {
    name: 'interval of a rate at a common mix',
    promise: 'holds the true rate in at least 90 % of cases with 3 attempts at a third of the mix, 93 % from 10 on',
    run() {
      const random = createRandom('standard')
      const covered = SIZES.map(n =>
        share(2000, () => {
          const { low, high } = standardRate(drawStrata(random, n, [0.6, 0.3, 0.1]), FAIR_MIX)
          return low <= 0.7 && 0.7 <= high
        }),
      )
      return {
        measured: listed(SIZES.map((n, i) => [`${n} attempts`, percent(covered[i]!)])),
        holds: covered.every((coverage, i) => coverage >= (i === 0 ? 0.9 : 0.93) && coverage <= 0.99),
      }
    },
  },
  {
    name: 'equals that work at different mixes (Mantel-Haenszel)',
    promise: 'p < 5 % in at most 5 % of cases; the interval holds 0 in at least 93 %',
    run() {
      const random = createRandom('mixes')
      const results = SIZES.map(n => {
        let held = 0
        const wrong = share(2000, () => {
          const first: Strata = drawStrata(random, n, [0.7, 0.2, 0.1])
          const found = mantelHaenszel(first, drawStrata(random, n, [0.1, 0.3, 0.6]))!
          if (found.difference_interval.low <= 0 && 0 <= found.difference_interval.high) held++
          return found.p_value < 0.05
        })
        return { wrong, held: held / 2000 }
      })
      return {
        measured: listed(
          SIZES.map((n, i) => [`${n} attempts`, `${percent(results[i]!.wrong)} and ${percent(results[i]!.held)}`]),
        ),
        holds: results.every(({ wrong, held }) => wrong <= 0.05 && held >= 0.93),
      }
    },
  },
  {
    name: 'one that is 10 points better at everything, and gets the harder issues',
    promise: 'is named better at the same mix in at least 99 % of cases, though its plain rate is lower',
    run() {
      const random = createRandom('simpson')
      const named = share(1000, () => {
        const better = drawStrata(random, 1000, [0.1, 0.3, 0.6], 0.05)
        const worse = drawStrata(random, 1000, [0.7, 0.2, 0.1], -0.05)
        return mantelHaenszel(better, worse)!.difference > 0
      })
      return { measured: percent(named), holds: named >= 0.99 }
    },
  },
]
