import { taskDifference } from '../../../src/core/statistics/compared-tasks.ts'
import { wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { compareRates } from '../../../src/core/statistics/sequential.ts'
import { countsOf, DESIGNS, type Design, ICCS, plain, taskRates, twoArms } from './repeated-tasks.ts'
import { listed, percent, type Simulation, share } from './simulation.ts'

const ALPHA = 0.05

const covers = ({ low, high }: { readonly low: number; readonly high: number }, value: number): boolean =>
  low <= value && value <= high

/** The lowest coverage over 5 and 10 runs of a task and rates of 20, 50 and 90 %. */
function lowestCoverage(tasks: number, icc: number): { readonly clustered: number; readonly naive: number } {
  let [clustered, naive] = [1, 1]
  for (const runs of [5, 10])
    for (const mean of [0.2, 0.5, 0.9]) {
      const random = createRandom(`clusters ${tasks} ${icc} ${runs} ${mean}`)
      const all = Array.from({ length: 24_000 / tasks }, () =>
        countsOf(random, taskRates(random, tasks, mean, icc), runs),
      )
      const held = (some: readonly { successes: number; attempts: number }[]): number =>
        some.filter(counts => covers(wilsonBounds(counts), mean)).length / some.length
      clustered = Math.min(clustered, held(all))
      naive = Math.min(naive, held(all.map(({ successes, attempts }) => ({ successes, attempts }))))
    }
  return { clustered, naive }
}

const LOOKS = 20
const PER_ARM = 400

/** Whether an A/A test of repeated tasks ever claims a difference, checked every {@link LOOKS} attempts. */
function claims(random: Random, icc: number, design: Design): readonly [boolean, boolean] {
  const { arms, taskAt } = twoArms(random, { attempts: PER_ARM, mean: 0.6, icc, design })
  let [clustered, naive] = [false, false]
  for (let i = 0; i < PER_ARM; i++) {
    for (const arm of arms) arm.record(taskAt(i))
    if ((i + 1) % LOOKS !== 0) continue
    const [a, b] = [arms[0].counts(), arms[1].counts()]
    const options = { alpha: ALPHA, adaptive: false }
    clustered ||= compareRates(a, b, options).p_value <= ALPHA
    naive ||= compareRates(plain(a), plain(b), options).p_value <= ALPHA
  }
  return [clustered, naive]
}

export const clusterSimulations: readonly Simulation[] = [
  ...[
    { tasks: 10, least: 0.93 },
    { tasks: 40, least: 0.92 },
  ].map(
    ({ tasks, least }): Simulation => ({
      name: `Wilson interval of ${tasks} tasks of 5 and 10 runs, at rates of 20, 50 and 90 %`,
      promise: `clustered by task it covers the true rate in at least ${percent(least, 0)} of cases, at an intraclass correlation of 0.1 to 0.5`,
      run() {
        const coverages = ICCS.map(icc => lowestCoverage(tasks, icc))
        return {
          measured: listed(
            coverages.map(({ clustered, naive }, i) => [
              String(ICCS[i]),
              `at worst ${percent(clustered)} (not clustered: ${percent(naive)})`,
            ]),
          ),
          holds: coverages.every(({ clustered, naive }) => clustered >= least && naive < 0.9),
        }
      },
    }),
  ),
  ...DESIGNS.map(
    (design): Simulation => ({
      name: `A/A test at 60 % of ${design.name}, checked after every twentieth attempt up to ${PER_ARM} per arm`,
      promise: 'claims a difference in at most 5 % of tests, at an intraclass correlation of 0.1 to 0.5',
      run() {
        const shares = ICCS.map(icc => {
          const random = createRandom(`${design.name} ${icc}`)
          let naive = 0
          const clustered = share(200, () => {
            const [claimed, unclustered] = claims(random, icc, design)
            if (unclustered) naive++
            return claimed
          })
          return { clustered, naive: naive / 200 }
        })
        return {
          measured: listed(
            shares.map(({ clustered, naive }, i) => [
              String(ICCS[i]),
              `${percent(clustered)} (not clustered: ${percent(naive)})`,
            ]),
          ),
          holds: shares.every(({ clustered }) => clustered <= ALPHA),
        }
      },
    }),
  ),
  {
    name: 'difference by task of two agents that differ by 8 points on average, 5 runs of each task each',
    promise: 'the interval covers the true difference in at least 92 % of cases, 10 to 80 common tasks',
    run() {
      const covered = [10, 30, 80].map(tasks => {
        const random = createRandom(`by task ${tasks}`)
        return share(600, () => {
          const rates = Array.from({ length: tasks }, () => 0.2 + 0.3 * Math.floor(3 * random()))
          // Better at most tasks, worse at some.
          const others = rates.map(rate => rate + (random() < 0.7 ? 0.2 : -0.2))
          const difference = taskDifference(countsOf(random, others, 5), countsOf(random, rates, 5))
          return difference !== undefined && covers(difference.difference_interval, 8)
        })
      })
      return {
        measured: listed(covered.map((coverage, i) => [`${[10, 30, 80][i]} tasks`, percent(coverage)])),
        holds: covered.every(coverage => coverage >= 0.92),
      }
    },
  },
  {
    name: 'A/B test of the same 80 tasks, 5 runs each, where one succeeds 10 points more often at each task',
    promise: 'compared by task it finds the difference at least three times as often as independent groups',
    run() {
      const random = createRandom('paired power')
      let unpaired = 0
      const found = share(300, () => {
        const rates = taskRates(random, 80, 0.5, 0.4).map(rate => 0.9 * rate)
        const others = rates.map(rate => rate + 0.1)
        const [a, b] = [countsOf(random, rates, 5), countsOf(random, others, 5)]
        const options = { alpha: ALPHA, adaptive: false }
        if (compareRates({ ...a, tasks: undefined }, { ...b, tasks: undefined }, options).p_value <= ALPHA) unpaired++
        return compareRates(a, b, options).p_value <= ALPHA
      })
      return {
        measured: `${percent(found)} of tests, ${percent(unpaired / 300)} as independent groups`,
        holds: found >= 3 * (unpaired / 300) && found > 0.3,
      }
    },
  },
]
