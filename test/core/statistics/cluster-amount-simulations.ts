/** Simulates the intervals of times, costs and calibration where tasks repeat. */
import {
  addAttempt,
  addDurations,
  calibrationSums,
  costs,
  createSummary,
  type Summary,
  timeSums,
} from '../../../src/core/aggregate/summary.ts'
import { countsOf } from '../../../src/core/reports/groups.ts'
import { timeInterval } from '../../../src/core/statistics/amount-interval.ts'
import { type Calibration, calibrationOf } from '../../../src/core/statistics/calibration.ts'
import { clusteredSums } from '../../../src/core/statistics/clustered-amounts.ts'
import { costsOf } from '../../../src/core/statistics/cost.ts'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { meanDifference } from '../../../src/core/statistics/mean-difference.ts'
import { createRandom, drawBeta, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { DURATION_BUCKETS, type TimeQuantiles, timeQuantiles } from '../../../src/core/statistics/time-quantiles.ts'
import { ICCS, plain } from './repeated-tasks.ts'
import { ATTEMPT, listed, percent, type Simulation, share } from './simulation.ts'

/** What a task draws for each of its runs. */
type Run = () => {
  readonly success?: boolean
  readonly time_seconds?: number
  readonly cost_usd?: number
  readonly confidence?: number
}

/** A summary of `runs` runs of each task. `startTask` draws a task. */
function summaryOf(tasks: number, runs: number, startTask: () => Run): Summary {
  const summary = createSummary()
  for (let task = 0; task < tasks; task++) {
    const run = startTask()
    for (let i = 0; i < runs; i++)
      addAttempt(summary, { ...ATTEMPT, time_seconds: 1, task_id: `task ${task}`, ...run() }, 0)
  }
  return summary
}

/** A log-normal task: the logarithms of its runs have variance 1, of which the share `icc` is common to all runs. The mean is e^0.5. */
function logNormalTask(random: Random, icc: number): () => number {
  const common = Math.sqrt(icc) * drawNormal(random)
  return () => Math.exp(common + Math.sqrt(1 - icc) * drawNormal(random))
}

const MEAN = Math.exp(0.5)

type Interval = { readonly low: number; readonly high: number | null } | null | undefined

const covers = (interval: Interval, value: number): boolean =>
  interval != null && interval.low <= value && (interval.high === null || value <= interval.high)

/** A true value, and whether the interval of a summary covers it. Its counts may be clustered or not. */
type Check = (summary: Summary, counts: Counts) => boolean

const RUNS = 150

/** The lowest shares in which each check holds, over both sizes and all intraclass correlations, clustered and not. */
function simulate(
  name: string,
  startTask: (random: Random, icc: number) => Run,
  checks: readonly Check[],
): { readonly clustered: readonly number[]; readonly naive: readonly number[] } {
  const clustered = checks.map(() => 1)
  const naive = checks.map(() => 1)
  for (const icc of ICCS)
    for (const [tasks, runs] of [
      [10, 10],
      [40, 5],
    ] as const) {
      const random = createRandom(`${name} ${icc} ${tasks}`)
      const all = Array.from({ length: RUNS }, () => summaryOf(tasks, runs, () => startTask(random, icc)))
      for (const [i, check] of checks.entries()) {
        const held = (counts: (summary: Summary) => Counts): number =>
          all.filter(summary => check(summary, counts(summary))).length / RUNS
        clustered[i] = Math.min(clustered[i]!, held(countsOf))
        naive[i] = Math.min(
          naive[i]!,
          held(summary => plain(countsOf(summary))),
        )
      }
    }
  return { clustered, naive }
}

function coverage(
  name: string,
  least: number,
  startTask: (random: Random, icc: number) => Run,
  checks: Readonly<Record<string, Check>>,
): Simulation {
  return {
    name: `${name}: 10 tasks of 10 runs and 40 tasks of 5`,
    promise: `clustered by task the true value is covered in at least ${percent(least, 0)} of cases, at an intraclass correlation of 0.1 to 0.5`,
    run() {
      const { clustered, naive } = simulate(name, startTask, Object.values(checks))
      return {
        measured: listed(
          Object.keys(checks).map((check, i) => [
            check,
            `at worst ${percent(clustered[i]!)} (not clustered: ${percent(naive[i]!)})`,
          ]),
        ),
        holds: clustered.every(held => held >= least),
      }
    },
  }
}

/** A number that is the same in all runs of a task, with this mean and intraclass correlation of its outcomes. */
const taskRate = (random: Random, mean: number, icc: number): number => {
  const size = (1 - icc) / icc
  return drawBeta(random, mean * size, (1 - mean) * size)
}

/** The median is just above a bound of the histogram, so that the bucket helps least. */
const MEDIAN = 0.81
const P95 = MEDIAN * Math.exp(1.6448536269514722)

function quantilesOf(summary: Summary, counts: Counts): TimeQuantiles {
  const buckets = new Float64Array(DURATION_BUCKETS)
  addDurations(buckets, 0, summary)
  return timeQuantiles(buckets, counts)!
}

/** A task with outcomes, costs and times that are correlated within it. */
function measuredTask(random: Random, icc: number): Run {
  const [rate, time, cost] = [taskRate(random, 0.5, icc), logNormalTask(random, icc), logNormalTask(random, icc)]
  return () => ({ success: random() < rate, time_seconds: MEDIAN * time(), cost_usd: cost() })
}

/** Agents whose mean confidence is right: it is constant, that of the task, or unrelated to the task's rate. */
const CONFIDENT: readonly (readonly [string, (random: Random, icc: number) => Run])[] = [
  [
    'that always states 0.7',
    (random, icc) => {
      const rate = taskRate(random, 0.7, icc)
      return () => ({ confidence: 0.7, success: random() < rate })
    },
  ],
  [
    'that states the rate of each task',
    (random, icc) => {
      const rate = taskRate(random, 0.7, icc)
      return () => ({ confidence: rate, success: random() < rate })
    },
  ],
  [
    'that states the rate of another task',
    (random, icc) => {
      const [rate, confidence] = [taskRate(random, 0.7, icc), taskRate(random, 0.7, icc)]
      return () => ({ confidence, success: random() < rate })
    },
  ],
]

/** A perfectly calibrated agent: the outcomes of a task are correlated, with the stated confidence as their mean. */
function calibratedTask(random: Random, icc: number): Run {
  const levels = [0.6, 0.75, 0.9].map(mean => ({ mean, rate: taskRate(random, mean, icc) }))
  return () => {
    const { mean, rate } = levels[Math.floor(random() * levels.length)]!
    return { confidence: mean, success: random() < rate }
  }
}

const calibrated = (summary: Summary, counts: Counts): Calibration => calibrationOf(calibrationSums(summary), counts)

export const clusterAmountSimulations: readonly Simulation[] = [
  coverage('times and costs, log-normal, sigma 1', 0.93, measuredTask, {
    'mean time': (summary, counts) => covers(timeInterval(clusteredSums(timeSums(summary), counts)), MEDIAN * MEAN),
    'median time': (summary, counts) => covers(quantilesOf(summary, counts).p50_interval, MEDIAN),
    '95th percentile': (summary, counts) => covers(quantilesOf(summary, counts).p95_interval, P95),
    'mean cost': (summary, counts) => covers(costsOf(counts, costs(summary)).cost_per_attempt?.interval, MEAN),
    'cost per success': (summary, counts) =>
      covers(costsOf(counts, costs(summary)).cost_per_success?.interval, MEAN / 0.5),
  }),
  ...CONFIDENT.map(([name, startTask]) =>
    coverage(`over-confidence of an agent ${name}`, 0.9, startTask, {
      interval: (summary, counts) => covers(calibrated(summary, counts).over_confidence_interval, 0),
    }),
  ),
  coverage('calibration of a perfectly calibrated agent', 0.93, calibratedTask, {
    'error within its band': (summary, counts) => {
      const { expected_calibration_error: error, expected_calibration_error_band: band } = calibrated(summary, counts)
      return error! <= band!.high
    },
    "Spiegelhalter's p above 5 %": (summary, counts) => calibrated(summary, counts).spiegelhalter_p! > 0.05,
  }),
  {
    name: 'difference of mean times of two variants, log-normal, sigma 1, own tasks of 5 and 10 runs in a row, after every tenth attempt up to 600',
    promise:
      'the interval misses the true difference at any look in at most 5 % of tests, at an intraclass correlation of 0.1 to 0.5',
    run() {
      const missed = ICCS.map(icc => Math.max(...[5, 10].map(runs => shareMissed(icc, runs))))
      return {
        measured: listed(missed.map((share, i) => [String(ICCS[i]), `at most ${percent(share)}`])),
        holds: Math.max(...missed) <= 0.05,
      }
    },
  },
]

/** The share of tests of two equal variants in which the interval of the difference of times ever misses 0. */
function shareMissed(icc: number, runs: number): number {
  const random = createRandom(`difference ${icc} ${runs}`)
  return share(60, () => {
    const summaries = [createSummary(), createSummary()]
    let draws: (() => number)[] = []
    for (let n = 0; n < 600; n++) {
      if (n % runs === 0) draws = summaries.map(() => logNormalTask(random, icc))
      for (const [arm, summary] of summaries.entries()) {
        const task_id = `task ${arm} ${Math.floor(n / runs)}`
        addAttempt(summary, { ...ATTEMPT, time_seconds: draws[arm]!(), task_id }, 0)
      }
      if ((n + 1) % 10 !== 0) continue
      const [a, b] = summaries.map(summary => clusteredSums(timeSums(summary), countsOf(summary)))
      const interval = meanDifference(a!, b!, 0.05)?.interval
      if (interval && !covers(interval, 0)) return true
    }
    return false
  })
}
