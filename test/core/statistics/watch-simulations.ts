/** Simulates drift as the sidecar reports it: the recent attempts against a baseline from those before, checked repeatedly. */
import { watchAgent, watchKey } from '../../../src/core/reports/drift-watch.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { falseAlarms, type Look, report } from './false-alarms.ts'
import { shiftedRates } from './shift.ts'
import { listed, median, percent, type Simulation } from './simulation.ts'
import { createWatched, type Watched } from './watched.ts'

/** A run of one key of `keys` monitored keys, whose attempts succeed at `rate`. */
function keyRun(random: Random, rate: number, keys = 1): { next(): void; readonly look: Look } {
  const watched = createWatched()
  return {
    next: () => watched.attempt('a', 'i', random() < rate),
    look: () => watchKey(watched.keys()[0]!, keys)?.direction,
  }
}

const MAX_DELAY = 400

/** Attempts from a fall to its alarm, at most `MAX_DELAY`. The fall comes after `before` attempts. */
function delayOf(random: Random, before: number, rate: number, to: number): number {
  const watched = createWatched()
  for (let n = 0; n < before; n++) watched.attempt('a', 'i', random() < rate)
  for (let n = 1; n < MAX_DELAY; n++) {
    watched.attempt('a', 'i', random() < to)
    if (watchKey(watched.keys()[0]!, 1)?.direction === 'down') return n
  }
  return MAX_DELAY
}

/** Log odds of success of an average agent at each issue type, from easy to hard. */
const ISSUES = [3, 2, 1.5, 1, 0.5, 0.5, 0, -0.5, -1, -1.5, -2, -3]

/** One attempt each of agent a with the given ability in log odds, and of two other agents, at random issue types. */
function attemptAll(watched: Watched, random: Random, ability: number, harder: boolean): void {
  const draw = (): number => Math.floor(random() * ISSUES.length)
  const [one, other] = [draw(), draw()]
  const attempts = [
    ['a', harder ? Math.max(one, other) : Math.min(one, other), ability],
    ['b', draw(), 0],
    ['c', draw(), -0.5],
  ] as const
  for (const [agent, issue, its] of attempts) {
    watched.attempt(agent, `issue ${issue}`, random() < 1 / (1 + Math.exp(-ISSUES[issue]! - its)))
  }
}

const lookAt = (watched: Watched): ReturnType<Look> => watchAgent(watched.keys('a'), 1)?.direction

export const watchSimulations: readonly Simulation[] = [
  ...[0.6, 0.7, 0.85, 0.95].map(
    (rate): Simulation => ({
      name: `drift of a key with a constant rate of ${percent(rate, 0)}, checked after each of its first 2,000 attempts`,
      promise: 'at most one false alarm in 2,000 attempts in each direction',
      run() {
        const random = createRandom(`key ${rate}`)
        const plan = { runs: 50, length: 2000 }
        return report(
          falseAlarms(plan, () => keyRun(random, rate)),
          2000,
        )
      },
    }),
  ),
  ...[0.05, 0.3, 0.99].map(
    (rate): Simulation => ({
      name: `drift of a key with a constant rate of ${percent(rate, 0)}, checked after every tenth of its first 2,000 attempts`,
      promise: 'at most one false alarm in 2,000 attempts in each direction',
      run() {
        const random = createRandom(`key ${rate}`)
        const plan = { runs: 50, length: 2000, every: 10 }
        return report(
          falseAlarms(plan, () => keyRun(random, rate)),
          2000,
        )
      },
    }),
  ),
  {
    name: 'drift of keys with constant rates of 60 to 95 %, checked after each of their first 300 attempts',
    promise: 'at most one false alarm in 2,000 attempts in each direction, although the baseline has few attempts',
    run() {
      const random = createRandom('young keys')
      const plan = { runs: 300, length: 300 }
      return report(
        falseAlarms(plan, () => keyRun(random, 0.6 + 0.35 * random())),
        2000,
      )
    },
  },
  {
    name: 'drift of ten keys with a constant rate of 85 %, checked after each of their first 1,500 attempts',
    promise: 'together at most one false alarm in 2,000 attempts of each, in each direction',
    run() {
      const random = createRandom('ten keys watched')
      const plan = { runs: 60, length: 1500 }
      const all = falseAlarms(plan, () => keyRun(random, 0.85, 10))
      return report({ ...all, attempts: all.attempts / 10 }, 2000)
    },
  },
  ...[
    [0.6, shiftedRates(0.6).down, 95],
    [0.7, shiftedRates(0.7).down, 95],
    [0.85, shiftedRates(0.85).down, 95],
    [0.95, shiftedRates(0.95).down, 95],
    [0.9, 0.5, 20],
  ].map(([rate, to, most]): Simulation => {
    const befores = [200, 500, 2000]
    return {
      name: `drift of a key that falls from ${percent(rate!, 0)} to ${percent(to!, 0)}`,
      promise: `half of the alarms come within ${most} attempts, from 200 earlier attempts on`,
      run() {
        const random = createRandom(`fall ${rate} ${to}`)
        const medians = befores.map(n => median(Array.from({ length: 101 }, () => delayOf(random, n, rate!, to!))))
        return {
          measured: listed(befores.map((n, i) => [`after ${n}`, `median ${medians[i]} attempts`])),
          holds: Math.max(...medians) <= most!,
        }
      },
    }
  }),
  ...[-1, 0, 1].map(
    (ability): Simulation => ({
      name: `drift of an agent that gets harder issues, and is ${['always worse than', 'as good as', 'always better than'][ability + 1]} others`,
      promise: 'at most one false alarm in 2,000 attempts in each direction, checked after every fifth',
      run() {
        const random = createRandom(`agent ${ability}`)
        return report(
          falseAlarms({ runs: 30, length: 1000, every: 5 }, () => {
            const watched = createWatched()
            return {
              next: n => attemptAll(watched, random, ability, n > 500),
              look: () => lookAt(watched),
            }
          }),
          2000,
        )
      },
    }),
  ),
  {
    name: 'drift of an agent whose log odds fall by 0.75 at all issue types, for example from 70 % to 52 %',
    promise: 'half of the alarms come within 120 attempts, after 500 earlier attempts',
    run() {
      const random = createRandom('agent falls')
      const delays = Array.from({ length: 41 }, () => {
        const watched = createWatched()
        for (let n = 0; n < 500; n++) attemptAll(watched, random, 0, false)
        for (let n = 5; n < MAX_DELAY; n += 5) {
          for (let i = 0; i < 5; i++) attemptAll(watched, random, -0.75, false)
          if (lookAt(watched) === 'down') return n
        }
        return MAX_DELAY
      })
      return { measured: `median ${median(delays)} attempts`, holds: median(delays) <= 120 }
    },
  },
]
