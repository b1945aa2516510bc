import type { Counts } from '../../../src/core/statistics/counts.ts'
import { compareFairly } from '../../../src/core/statistics/fair-comparison.ts'
import { createRandom, drawBeta, type Random } from '../../../src/core/statistics/random.ts'
import { standardRate, subtract } from '../../../src/core/statistics/standardise.ts'
import { drawCounts, listed, percent, type Simulation, share } from './simulation.ts'

const RATES = new Map([
  ['easy', 0.95],
  ['middling', 0.75],
  ['hard', 0.4],
])

/** Draws attempts at the three kinds of issue in the shares `mix`, with `better` added to every rate. */
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

/** Whether two equal agents are ever called decided, compared after each of 500 attempts. */
function isEverDecided(random: Random, adaptive: boolean): boolean {
  const types = [...RATES]
  const groups = new Map(
    ['one', 'other'].map(name => [name, new Map(types.map(([type]) => [type, { successes: 0, attempts: 0 }]))]),
  )
  let leader = 'one'
  for (let look = 0; look < 500; look++) {
    const name = adaptive && random() < 0.7 ? leader : random() < 0.5 ? 'one' : 'other'
    const [type, rate] = types[Math.floor(random() * types.length)]!
    const counts = groups.get(name)!.get(type)!
    counts.attempts++
    if (random() < rate) counts.successes++
    const { best } = compareFairly(groups)
    if (best?.decisive === true) return true
    leader = best?.name ?? leader
  }
  return false
}

export const fairSimulations: readonly Simulation[] = [
  {
    name: 'interval of a rate at a common mix, at rates of 5, 50 and 95 %',
    promise: 'covers the true rate in at least 92 % of cases at 30 to 2,000 attempts',
    run() {
      const worst = [0.05, 0.5, 0.95].map(rate => {
        const random = createRandom(`standard ${rate}`)
        const covered = [3, 10, 50, 200].map(n =>
          share(2000, () => {
            const sizes = { easy: 6 * n, middling: 3 * n, hard: n }
            const strata = new Map(Object.entries(sizes).map(([type, size]) => [type, drawCounts(random, size, rate)]))
            const { low, high } = standardRate(strata, FAIR_MIX)
            return low <= rate && rate <= high
          }),
        )
        return Math.min(...covered)
      })
      return {
        measured: listed(worst.map((coverage, i) => [['5 %', '50 %', '95 %'][i]!, `at worst ${percent(coverage)}`])),
        holds: Math.min(...worst) >= 0.92,
      }
    },
  },
  {
    name: 'interval of a rate at a common mix',
    promise: 'covers the true rate in at least 90 % of cases with 3 attempts at a third of the mix, 93 % from 10 on',
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
    name: 'interval of a rate at a common mix of 80 issue types of five attempts, from easy to hard',
    promise: 'covers the true rate in at least 95 % of cases, which is conservative',
    run() {
      const random = createRandom('sparse')
      const rates = Array.from({ length: 80 }, (_, i) => [`type ${i}`, drawBeta(random, 0.3, 0.5)] as const)
      const mix = new Map(rates.map(([type]) => [type, 1]))
      const truth = rates.reduce((sum, [, rate]) => sum + rate / 80, 0)
      const covered = share(1000, () => {
        const { low, high } = standardRate(
          new Map(rates.map(([type, rate]) => [type, drawCounts(random, 5, rate)])),
          mix,
        )
        return low <= truth && truth <= high
      })
      return { measured: percent(covered), holds: covered >= 0.95 }
    },
  },
  {
    name: 'two equal agents with different mixes of issues',
    promise: 'one is called better in at most 5 % of cases; the interval of the difference contains 0 in at least 93 %',
    run() {
      const random = createRandom('mixes')
      const results = SIZES.map(n => {
        let held = 0
        const wrong = share(2000, () => {
          const [one, other] = [drawStrata(random, n, [0.7, 0.2, 0.1]), drawStrata(random, n, [0.1, 0.3, 0.6])]
          const { low, high } = subtract(standardRate(one, FAIR_MIX), standardRate(other, FAIR_MIX))
          if (low <= 0 && 0 <= high) held++
          return compareFairly(new Map(Object.entries({ one, other }))).best!.decisive
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
    name: 'two equal agents at three issue types, compared at the common mix after each of 500 attempts',
    promise: 'one is called better at any look in at most 5 % of histories, also where most work goes to the leader',
    run() {
      const wrong = [false, true].map(adaptive => {
        const random = createRandom(`fair peeking ${adaptive}`)
        return share(60, () => isEverDecided(random, adaptive))
      })
      return {
        measured: listed([
          ['even', percent(wrong[0]!)],
          ['to the leader', percent(wrong[1]!)],
        ]),
        holds: wrong.every(rate => rate <= 0.05),
      }
    },
  },
  {
    name: 'an agent that is 10 points better at every issue type, and gets the harder issues',
    promise:
      'is decisively the best at the common mix in at least 97 % of cases with 3,000 attempts of each, although its crude rate is lower',
    run() {
      const random = createRandom('simpson')
      const named = share(500, () => {
        const better = drawStrata(random, 3000, [0.1, 0.3, 0.6], 0.05)
        const worse = drawStrata(random, 3000, [0.7, 0.2, 0.1], -0.05)
        const { best, turned_over } = compareFairly(new Map(Object.entries({ better, worse })))
        return best!.name === 'better' && best!.decisive && turned_over[0]?.better === 'better'
      })
      return { measured: percent(named), holds: named >= 0.97 }
    },
  },
]
