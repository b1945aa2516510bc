import { createDriftDetector, createStratum, type DriftDetector } from '../../../src/core/statistics/drift.ts'
import { driftThreshold } from '../../../src/core/statistics/drift-threshold.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { shiftedRates } from './shift.ts'
import { median, percent, type Simulation, sumOf } from './simulation.ts'

const MAX_ATTEMPTS = 100_000
/** So many attempts that the baseline is known. */
const KNOWN = 1e9

/** A detector with a known baseline, and a function that adds an attempt to it. */
function plainCusum(expected: number, threshold: number): DriftDetector & { attempt(success: boolean): void } {
  const detector = createDriftDetector(threshold)
  const stratum = createStratum(expected * KNOWN, KNOWN)
  return { ...detector, attempt: success => detector.add(stratum, success ? 1 : 0, 1) }
}

/** Attempts until an alarm in `direction`, at the true rate `rate` against the baseline `expected`. */
function untilAlarm(
  random: Random,
  rate: number,
  expected: number,
  direction: 'down' | 'up',
  threshold: number,
): number {
  let cusum = plainCusum(expected, threshold)
  for (let n = 1; n < MAX_ATTEMPTS; n++) {
    cusum.attempt(random() < rate)
    const drift = cusum.drift()
    if (drift.direction === direction) return n
    if (drift.direction !== 'none') cusum = plainCusum(expected, threshold)
  }
  return MAX_ATTEMPTS
}

function meanUntilAlarm(
  random: Random,
  runs: number,
  rate: number,
  direction: 'down' | 'up',
  threshold: number,
): number {
  return sumOf(Array.from({ length: runs }, () => untilAlarm(random, rate, rate, direction, threshold))) / runs
}

export const driftSimulations: readonly Simulation[] = [
  ...[0.3, 0.6, 0.7, 0.85, 0.95].map(
    (rate): Simulation => ({
      name: `plain CUSUM, constant rate of ${percent(rate, 0)}`,
      promise: 'one false alarm in 1,700 to 3,300 attempts in each direction',
      run() {
        const random = createRandom(`no drift ${rate}`)
        const threshold = driftThreshold(1)
        const [down, up] = (['down', 'up'] as const).map(side => meanUntilAlarm(random, 250, rate, side, threshold))
        return {
          measured: `one in ${Math.round(down!)} (down) and ${Math.round(up!)} (up)`,
          holds: [down!, up!].every(mean => mean >= 1700 && mean <= 3300),
        }
      },
    }),
  ),
  ...[0.6, 0.7, 0.85, 0.95].map(
    (rate): Simulation => ({
      name: `plain CUSUM, ${percent(rate, 0)} falls to ${percent(shiftedRates(rate).down, 0)}`,
      promise: 'half of the alarms come within 70 attempts',
      run() {
        const random = createRandom(`drift ${rate}`)
        const { down } = shiftedRates(rate)
        const delays = Array.from({ length: 1001 }, () => untilAlarm(random, down, rate, 'down', driftThreshold(1)))
        return { measured: `median ${median(delays)} attempts`, holds: median(delays) <= 70 }
      },
    }),
  ),
  {
    name: 'plain CUSUM of 10 keys with constant rates',
    promise: 'together they raise no more false alarms than one key alone: at most one in 1,700 attempts',
    run() {
      const random = createRandom('ten keys')
      const perKey = meanUntilAlarm(random, 80, 0.8, 'down', driftThreshold(10))
      return { measured: `one in ${Math.round(perKey / 10)}`, holds: perKey / 10 >= 1700 }
    },
  },
  {
    name: 'estimated start of a drift',
    promise: 'has an error of at most 30 attempts in half of all cases, at a fall from 85 % to 70 % after 300 attempts',
    run() {
      const random = createRandom('began')
      const threshold = driftThreshold(1)
      const errors = Array.from({ length: 501 }, () => {
        let cusum = plainCusum(0.85, threshold)
        for (let n = 1; ; n++) {
          cusum.attempt(random() < (n <= 300 ? 0.85 : 0.7))
          const { direction, began_attempts_ago } = cusum.drift()
          if (direction === 'down' && n > 300) return Math.abs(began_attempts_ago! - (n - 300))
          if (direction !== 'none') cusum = plainCusum(0.85, threshold)
        }
      })
      return { measured: `median error ${median(errors)} attempts`, holds: median(errors) <= 30 }
    },
  },
]
