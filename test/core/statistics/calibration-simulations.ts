import {
  addAttempt,
  type CalibrationSums,
  calibrationSums,
  createSummary,
} from '../../../src/core/aggregate/summary.ts'
import { calibrationOf } from '../../../src/core/statistics/calibration.ts'
import { createRandom, drawBeta, type Random } from '../../../src/core/statistics/random.ts'
import { listed, percent, type Simulation, sumOf } from './simulation.ts'

/** One attempt's stated confidence, and whether it succeeded. */
export interface Stated {
  readonly confidence: number
  readonly success: boolean
}

/** The sums that a summary stores of stated confidences. */
export function calibrationSumsOf(attempts: readonly Stated[]): CalibrationSums {
  const summary = createSummary()
  for (const stated of attempts) addAttempt(summary, { ...ATTEMPT, ...stated }, 0)
  return calibrationSums(summary)
}

const ATTEMPT = { agent_name: 'a', model_name: 'm', issue_type: 'i', time_seconds: 1, timestamp: '' }

const CONFIDENCES: readonly (readonly [string, (random: Random) => number])[] = [
  ['uniform from 0.5 to 1', random => 0.5 + 0.5 * random()],
  ['0.8 or 0.95', random => (random() < 0.5 ? 0.8 : 0.95)],
  ['around 0.8', random => drawBeta(random, 8, 2)],
]

/** Runs of perfectly calibrated agents. */
function calibratedRuns(seed: string, runs: number, n: number, draw: (random: Random) => number): CalibrationSums[] {
  const random = createRandom(seed)
  return Array.from({ length: runs }, () =>
    calibrationSumsOf(
      Array.from({ length: n }, () => {
        const confidence = draw(random)
        return { confidence, success: random() < confidence }
      }),
    ),
  )
}

const calibratedSimulations: readonly Simulation[] = CONFIDENCES.flatMap(([shape, draw]): Simulation[] => [
  {
    name: `calibration error of a perfectly calibrated agent, confidence ${shape}`,
    promise: 'exceeds its band in 3 to 7 % of cases, and has the mean of the band',
    run() {
      const results = [20, 50, 100, 300].map(n => {
        const runs = calibratedRuns(`${shape} ${n}`, n > 100 ? 500 : 1000, n, draw).map(sums => calibrationOf(sums))
        const beyond = runs.filter(c => c.expected_calibration_error! > c.expected_calibration_error_band!.high).length
        const bias =
          sumOf(runs.map(c => c.expected_calibration_error! - c.expected_calibration_error_band!.mean)) / runs.length
        return { n, beyond: beyond / runs.length, bias }
      })
      return {
        measured: listed(results.map(({ n, beyond }) => [`n = ${n}`, percent(beyond)])),
        holds: results.every(({ beyond, bias }) => beyond >= 0.03 && beyond <= 0.07 && Math.abs(bias) < 0.005),
      }
    },
  },
  {
    name: `Spiegelhalter's z and over-confidence of a perfectly calibrated agent, confidence ${shape}`,
    promise: 'p < 5 % in at most 7 % of cases; the interval of over-confidence contains 0 in at least 93 %',
    run() {
      const results = [10, 30, 100].map(n => {
        const runs = calibratedRuns(`z ${shape} ${n}`, 1500, n, draw).map(sums => calibrationOf(sums))
        const wrong = runs.filter(c => c.spiegelhalter_p! < 0.05).length / runs.length
        const held = runs.filter(({ over_confidence_interval: i }) => i!.low <= 0 && 0 <= i!.high).length / runs.length
        return { n, wrong, held }
      })
      return {
        measured: listed(results.map(({ n, wrong, held }) => [`n = ${n}`, `${percent(wrong)} and ${percent(held)}`])),
        holds: results.every(({ wrong, held }) => wrong <= 0.07 && held >= 0.93),
      }
    },
  },
])

/** Exact coverage, 0 to 1, of the interval of over-confidence if all `n` attempts state 0.7. */
function overConfidenceCoverage(n: number, rate: number): number {
  const states = (success: boolean): Stated => ({ confidence: 0.7, success })
  let coverage = 0
  let logProbability = n * Math.log1p(-rate)
  for (let successes = 0; successes <= n; successes++) {
    const attempts = Array.from({ length: n }, (_, i) => states(i < successes))
    const { low, high } = calibrationOf(calibrationSumsOf(attempts)).over_confidence_interval!
    if (low <= 0.7 - rate && 0.7 - rate <= high) coverage += Math.exp(logProbability)
    logProbability += Math.log(((n - successes) * rate) / ((successes + 1) * (1 - rate)))
  }
  return coverage
}

/** Exact probability that the calibration error exceeds its band, if all `n` attempts state `confidence`, rightly. */
function exceededAtConstant(n: number, confidence: number): number {
  let exceeded = 0
  let logProbability = n * Math.log1p(-confidence)
  for (let successes = 0; successes <= n; successes++) {
    const attempts = Array.from({ length: n }, (_, i) => ({ confidence, success: i < successes }))
    if (logProbability > -25) {
      const calibration = calibrationOf(calibrationSumsOf(attempts))
      const { expected_calibration_error: error, expected_calibration_error_band: band } = calibration
      if (error! > band!.high) exceeded += Math.exp(logProbability)
    }
    logProbability += Math.log(((n - successes) * confidence) / ((successes + 1) * (1 - confidence)))
  }
  return exceeded
}

export const calibrationSimulations: readonly Simulation[] = [
  ...calibratedSimulations,
  {
    name: 'calibration error of a perfectly calibrated agent, confidence constant at 0.995',
    promise: 'exceeds its band in at most 5.5 % of cases',
    run() {
      const exceeded = [20, 50, 100, 300, 1000].map(n => exceededAtConstant(n, 0.995))
      return {
        measured: listed(exceeded.map((share, i) => [`n = ${[20, 50, 100, 300, 1000][i]}`, percent(share)])),
        holds: Math.max(...exceeded) <= 0.055,
      }
    },
  },
  {
    name: 'over-confidence of an agent that always states 0.7, at rates of 5, 50 and 95 %',
    promise: 'the interval covers the true value in at least 92 % of cases at 5 to 500 attempts',
    run() {
      const worst = [0.05, 0.5, 0.95].map(rate =>
        Math.min(...[5, 10, 20, 30, 50, 100, 117, 200, 500].map(n => overConfidenceCoverage(n, rate))),
      )
      return {
        measured: listed(worst.map((coverage, i) => [['5 %', '50 %', '95 %'][i]!, `at worst ${percent(coverage)}`])),
        holds: Math.min(...worst) >= 0.92,
      }
    },
  },
]
