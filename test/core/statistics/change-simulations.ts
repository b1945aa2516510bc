import type { Counts } from '../../../src/core/statistics/counts.ts'
import { changedGroups, periodChange } from '../../../src/core/statistics/period-change.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { drawCounts, listed, percent, type Simulation, share } from './simulation.ts'

const RATES = [0.95, 0.8, 0.6, 0.3]
const AGENTS = 20
const DAY = 24

/** Counts of one period by kind of work: `attempts` in the shares of `mix`, each rate lower by `fall`. */
function period(random: Random, attempts: number, mix: readonly number[], fall = 0): Map<string, Counts> {
  return new Map(
    RATES.map((rate, i) => [String(i), drawCounts(random, Math.round(attempts * mix[i]!), Math.max(0, rate - fall))]),
  )
}

const EVEN = [0.25, 0.25, 0.25, 0.25]
const EASY = [0.55, 0.25, 0.15, 0.05]
const HARD = [0.05, 0.15, 0.25, 0.55]

/** Which of the agents are named. The first `fallen` of them have fallen by `fall` at every kind of work. */
function named(random: Random, attempts: number, fallen: number, fall: number, mixes = [EVEN, EVEN]): boolean[] {
  return changedGroups(
    Array.from({ length: AGENTS }, (_, agent) => {
      const earlier = period(random, attempts, mixes[0]!)
      const later = period(random, attempts, mixes[1]!, agent < fallen ? fall : 0)
      return periodChange(earlier, later)!.p_value
    }),
  )
}

/**
 * Whether any agent is named in a week in which nothing changes, with a look every hour at the last day and the day before. Each agent has an
 * attempt an hour at each kind of work.
 */
function isNamedInWeek(random: Random): boolean {
  const agents = Array.from({ length: AGENTS }, () => RATES.map(rate => successesByHour(random, 9 * DAY, rate)))
  const day = (kinds: readonly Float64Array[], until: number): Map<string, Counts> =>
    new Map(kinds.map((sums, i) => [String(i), { successes: sums[until]! - sums[until - DAY]!, attempts: DAY }]))
  for (let now = 2 * DAY; now <= 9 * DAY; now++) {
    const pValues = agents.map(kinds => periodChange(day(kinds, now - DAY), day(kinds, now))!.p_value)
    if (changedGroups(pValues).includes(true)) return true
  }
  return false
}

/** Successes before each hour, with one attempt an hour. */
function successesByHour(random: Random, hours: number, rate: number): Float64Array {
  const sums = new Float64Array(hours + 1)
  for (let hour = 0; hour < hours; hour++) sums[hour + 1] = sums[hour]! + (random() < rate ? 1 : 0)
  return sums
}

export const changeSimulations: readonly Simulation[] = [
  {
    name: '20 agents on two days, none of which has changed, also where the second day brings harder work',
    promise: 'an agent is named as changed on at most 1 % of days',
    run() {
      const random = createRandom('unchanged')
      const wrong = [
        [EVEN, EVEN],
        [EASY, HARD],
      ].map(mixes => share(400, () => named(random, 100, 0, 0, mixes).includes(true)))
      return {
        measured: listed([
          ['same work', percent(wrong[0]!)],
          ['harder work', percent(wrong[1]!)],
        ]),
        holds: wrong.every(rate => rate <= 0.01),
      }
    },
  },
  {
    name: '20 agents with 4 attempts an hour, none of which has changed, looked at every hour of a week',
    promise: 'an agent is named at any look in at most 5 % of weeks',
    run() {
      const random = createRandom('unchanged week')
      const wrong = share(100, () => isNamedInWeek(random))
      return { measured: percent(wrong), holds: wrong <= 0.05 }
    },
  },
  {
    name: '5 of 20 agents succeed 20 points less on the second day',
    promise:
      'at most 1 % of the named agents have not changed; with 200 attempts a day, three of four that have are named',
    run() {
      const random = createRandom('fallen')
      const [right, wrong] = [new Map<number, number>(), new Map<number, number>()]
      for (const attempts of [100, 200, 400]) {
        let [found, falseShare] = [0, 0]
        for (let day = 0; day < 200; day++) {
          const is = named(random, attempts, 5, 0.2)
          const all = is.filter(Boolean).length
          const hits = is.slice(0, 5).filter(Boolean).length
          found += hits
          falseShare += all === 0 ? 0 : (all - hits) / all
        }
        right.set(attempts, found / 1000)
        wrong.set(attempts, falseShare / 200)
      }
      return {
        measured: listed(
          [...right].map(([n, found]) => [`${n} attempts`, `${percent(found)} found, ${percent(wrong.get(n)!)} false`]),
        ),
        holds: [...wrong.values()].every(rate => rate <= 0.01) && right.get(200)! >= 0.75,
      }
    },
  },
]
