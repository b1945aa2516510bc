import { costInterval, timeInterval } from '../../../src/core/statistics/amount-interval.ts'
import { costsOf } from '../../../src/core/statistics/cost.ts'
import { meanInterval, wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { createRandom, drawNormal } from '../../../src/core/statistics/random.ts'
import {
  COST_SHAPES,
  type CostShape,
  costSums,
  listed,
  type Measurement,
  percent,
  plainSums,
  type Simulation,
  share,
  sumOf,
  timeSumsOf,
} from './simulation.ts'

const EXTREMES = [0.05, 0.5, 0.95]
const SIZES = [5, 10, 20, 50, 100, 200, 500]
const EVERY_SIZE = Array.from({ length: 496 }, (_, i) => i + 5)

/** Exact coverage of Wilson's interval: the probability of all outcomes whose interval contains the rate. */
function wilsonCoverage(attempts: number, rate: number): number {
  let coverage = 0
  // Uses logarithms, because 0.05 to the power of 500 underflows.
  let logProbability = attempts * Math.log1p(-rate)
  for (let successes = 0; successes <= attempts; successes++) {
    const { low, high } = wilsonBounds({ successes, attempts })
    if (low <= rate && rate <= high) coverage += Math.exp(logProbability)
    logProbability += Math.log(((attempts - successes) * rate) / ((successes + 1) * (1 - rate)))
  }
  return coverage
}

/** Formats the worst coverage at each of {@link EXTREMES}. */
function atWorst(coverages: readonly number[]): string {
  return listed(coverages.map((coverage, i) => [percent(EXTREMES[i]!, 0), `at worst ${percent(coverage)}`]))
}

function lowest(values: readonly number[]): number {
  return Math.min(...values)
}

const rates = Array.from({ length: 399 }, (_, i) => (i + 1) / 400)

export const intervalSimulations: readonly Simulation[] = [
  {
    name: 'Wilson interval at rates of 5, 50 and 95 %',
    promise: 'covers the true rate in at least 89 % of cases at every number of attempts from 5 to 500',
    run() {
      const worst = EXTREMES.map(rate => lowest(EVERY_SIZE.map(n => wilsonCoverage(n, rate))))
      return { measured: atWorst(worst), holds: lowest(worst) >= 0.89 }
    },
  },
  {
    name: 'Wilson interval over all rates',
    promise: 'covers the true rate in 94 to 97 % of cases on average, and never in less than 83 %',
    run() {
      const coverages = SIZES.map(n => rates.map(rate => wilsonCoverage(n, rate)))
      const averages = coverages.map(values => sumOf(values) / values.length)
      const worst = lowest(coverages.flat())
      return {
        measured: `${percent(lowest(averages))} to ${percent(Math.max(...averages))} on average, ${percent(worst)} at worst`,
        holds: lowest(averages) >= 0.94 && Math.max(...averages) <= 0.97 && worst >= 0.83,
      }
    },
  },
  {
    name: "Student's t interval of a mean",
    promise: 'covers the true mean of normal data in 95 % of cases from 2 values on',
    run() {
      const random = createRandom('t')
      const covered = [2, 5, 30].map(n =>
        share(4000, () => {
          const values = Array.from({ length: n }, () => 10 + 3 * drawNormal(random))
          const { low, high } = meanInterval(plainSums(values))!
          return low <= 10 && 10 <= high
        }),
      )
      return {
        measured: listed(covered.map((coverage, i) => [`n = ${[2, 5, 30][i]}`, percent(coverage)])),
        holds: covered.every(coverage => Math.abs(coverage - 0.95) <= 0.012),
      }
    },
  },
  ...COST_SHAPES.map(
    (shape): Simulation => ({
      name: `interval of a mean cost, ${shape.name}`,
      promise: 'covers the true mean in at least 93 % of cases from 30 attempts on, with no step at any number',
      run() {
        const covered = AMOUNT_SIZES.map(n => amountCoverage(shape, n, costs => costInterval(costSums(costs))))
        return amountMeasurement(covered, shape.name.startsWith('one in five') ? 0 : 0.88)
      },
    }),
  ),
  ...[0.5, 1, 2].map(
    (sigma): Simulation => ({
      name: `interval of a mean time, log-normal, sigma ${sigma}`,
      promise: 'is never below 0, and covers the true mean in at least 88 % of cases at 5 attempts, 93 % from 30 on',
      run() {
        const shape = COST_SHAPES.find(({ name }) => name === `log-normal, sigma ${sigma}`)!
        const covered = AMOUNT_SIZES.map(n => amountCoverage(shape, n, times => timeInterval(timeSumsOf(times))))
        return amountMeasurement(covered, 0.88)
      },
    }),
  ),
  {
    name: 'cost per success where a failure costs three times as much as a success, at rates of 5, 50 and 95 %',
    promise:
      'the interval covers the true cost in at least 94 % of cases from 30 attempts on, 90 % at 5 with a success',
    run() {
      const covered = EXTREMES.map(rate => ({
        few: costPerSuccessCoverage(5, rate),
        more: lowest([30, 100, 500].map(n => costPerSuccessCoverage(n, rate))),
      }))
      return {
        measured: listed(
          covered.map(({ few, more }, i) => [percent(EXTREMES[i]!, 0), `${percent(few)}, ${percent(more)} at worst`]),
        ),
        holds: covered.every(({ few, more }) => few >= 0.9 && more >= 0.94),
      }
    },
  },
]

const AMOUNT_SIZES = [5, 30, 99, 100, 400]

/** Coverage, 0 to 1, of an interval of the mean of `n` amounts. */
function amountCoverage(
  shape: CostShape,
  n: number,
  intervalOf: (amounts: readonly number[]) => { readonly low: number; readonly high: number } | null,
): number {
  const random = createRandom(`${shape.name} ${n}`)
  return share(1000, () => {
    const { low, high } = intervalOf(Array.from({ length: n }, () => shape.draw(random)))!
    return low >= 0 && low <= shape.mean && shape.mean <= high
  })
}

/** `few`: the least coverage at 5 amounts. */
function amountMeasurement(covered: readonly number[], few: number): Measurement {
  const [at5, ...more] = covered as [number, ...number[]]
  return {
    measured: listed(covered.map((coverage, i) => [`n = ${AMOUNT_SIZES[i]}`, percent(coverage)])),
    holds: at5 >= few && lowest(more) >= 0.93,
  }
}

/** Coverage, 0 to 1, of the interval of the cost per success, among the runs with a success. */
function costPerSuccessCoverage(n: number, rate: number): number {
  const random = createRandom(`cost per success ${n} ${rate}`)
  const truth = (Math.exp(0.045) * (rate + 3 * (1 - rate))) / rate
  let [held, known] = [0, 0]
  for (let i = 0; i < 1000; i++) {
    const outcomes = Array.from({ length: n }, () => random() < rate)
    const sums = costSums(outcomes.map(success => (success ? 1 : 3) * Math.exp(0.3 * drawNormal(random))))
    const interval = costsOf({ attempts: n, successes: outcomes.filter(Boolean).length }, sums).cost_per_success
      ?.interval
    if (interval == null) continue
    known++
    if (interval.low <= truth && truth <= interval.high) held++
  }
  return held / known
}
