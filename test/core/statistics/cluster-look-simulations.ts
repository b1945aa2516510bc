/** Simulates looking again and again at answers about repeated tasks. */
import type { TaskCounts } from '../../../src/core/statistics/clusters.ts'
import { effectiveCounts, rateOf } from '../../../src/core/statistics/counts.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { assignedUnits, sampleRatio } from '../../../src/core/statistics/sample-ratio.ts'
import { DESIGNS, type Design, ICCS, plain, twoArms } from './repeated-tasks.ts'
import { isDecided, listed, percent, type Simulation, share } from './simulation.ts'

const ALPHA = 0.05
const PER_AGENT = 300
/** Attempts of each agent between two looks. */
const LOOKS = 5

/** Attempts of each agent, those between two looks, and the mean rate. */
interface Looking {
  readonly attempts: number
  readonly looks: number
  readonly mean: number
}

/** Whether the better of two equal agents is ever called decided, with and without clustering. */
export function isBestEverDecided(
  random: Random,
  icc: number,
  design: Design,
  { attempts, looks, mean }: Looking = { attempts: PER_AGENT, looks: LOOKS, mean: 0.6 },
): readonly [clustered: boolean, naive: boolean] {
  const { arms, taskAt } = twoArms(random, { attempts, mean, icc, design })
  let [clustered, naive] = [false, false]
  for (let i = 0; i < attempts; i++) {
    for (const arm of arms) arm.record(taskAt(i))
    if ((i + 1) % looks !== 0) continue
    const counts = arms.map(arm => arm.counts()).sort((a, b) => rateOf(b) - rateOf(a))
    const [first, second] = counts.map(effectiveCounts)
    clustered ||= isDecided(first!, [second!])
    naive ||= isDecided(plain(counts[0]!), [plain(counts[1]!)])
  }
  return [clustered, naive]
}

export const clusterLookSimulations: readonly Simulation[] = [
  ...DESIGNS.map(
    (design): Simulation => ({
      name: `best agent of 2 equal ones with ${design.name}, looked at after every fifth of ${PER_AGENT} attempts of each`,
      promise:
        'the leader is called decided at any look in at most 5 % of histories, at an intraclass correlation of 0.1 to 0.5',
      run() {
        const runs = 150
        const shares = ICCS.map(icc => {
          const random = createRandom(`best ${design.name} ${icc}`)
          let naive = 0
          const clustered = share(runs, () => {
            const [decided, unclustered] = isBestEverDecided(random, icc, design)
            if (unclustered) naive++
            return decided
          })
          return { clustered, naive: naive / runs }
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
    name: 'sample-ratio check of 50:50 where all 10 runs of a task go to one variant, after every tenth attempt up to 1,000',
    promise: 'p <= 5 % at any look in at most 5 % of experiments',
    run() {
      const random = createRandom('shares by task')
      let naive = 0
      const clustered = share(200, () => {
        const { arms } = twoArms(random, { attempts: 1000, mean: 0.6, icc: 0.3, design: DESIGNS[0]! })
        let [seen, seenNaive] = [false, false]
        for (let task = 0; task < 100; task++) {
          const arm = arms[random() < 0.5 ? 0 : 1]
          for (let run = 0; run < 10; run++) arm.record(task)
          const counts = arms.map(arm => arm.counts())
          seen ||= isImprobable(counts)
          seenNaive ||= isImprobable(counts.map(plain))
        }
        if (seenNaive) naive++
        return seen
      })
      return {
        measured: `${percent(clustered)} (not clustered: ${percent(naive / 200)})`,
        holds: clustered <= ALPHA,
      }
    },
  },
]

function isImprobable(arms: readonly TaskCounts[]): boolean {
  const { p_value } = sampleRatio(assignedUnits(arms))
  return p_value !== null && p_value <= ALPHA
}
