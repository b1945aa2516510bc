import { addAttempt, costs, createSummary, successes, totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { decideBest } from '../../../src/core/statistics/best.ts'
import { rankCosts } from '../../../src/core/statistics/cost-ranking.ts'
import { type Counts, type MutableCounts, rateOf, shrunkRate } from '../../../src/core/statistics/counts.ts'
import { wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { posteriorOf } from '../../../src/core/statistics/posterior.ts'
import { createRandom, drawBeta, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { type Route, rankRoutes } from '../../../src/core/statistics/ranking.ts'
import { type Cell, fitShrinkage } from '../../../src/core/statistics/shrinkage.ts'
import {
  ATTEMPT,
  contendersBeside,
  drawCounts,
  isDecided,
  listed,
  percent,
  type Simulation,
  share,
} from './simulation.ts'

/** The index of the candidate with the highest score, the first of several. */
function leaderBy(candidates: readonly Counts[], score: (counts: Counts) => number): number {
  const scores = candidates.map(score)
  return scores.indexOf(Math.max(...scores))
}

/** Whether `k` equal candidates are ever called decided, asked after each of 500 attempts as a coordinator asks. */
function isEverDecided(
  random: Random,
  { rate, k, adaptive }: { readonly rate: number; readonly k: number; readonly adaptive: boolean },
): boolean {
  const candidates = Array.from({ length: k }, (): MutableCounts => ({ successes: 0, attempts: 0 }))
  for (let look = 0; look < 500; look++) {
    const leader = leaderBy(candidates, rateOf)
    const next = candidates[adaptive && random() < 0.7 ? leader : Math.floor(random() * k)]!
    next.attempts++
    if (random() < rate) next.successes++
    const first = leaderBy(candidates, rateOf)
    const others = candidates.filter((_, i) => i !== first)
    if (isDecided(candidates[first]!, others)) return true
  }
  return false
}

const isDecidedFirst = ([leader, ...others]: readonly Counts[]): boolean => isDecided(leader!, others)

interface DrawnCell extends Cell {
  /** The true rate. */
  readonly rate: number
}

function drawCells(random: Random, types: number, agents: number): DrawnCell[] {
  const effects = Array.from({ length: agents }, () => 0.6 * drawNormal(random))
  return Array.from({ length: types }, (_, stratum) => {
    const ease = 0.8 + 0.9 * drawNormal(random)
    return effects.map((effect, candidate) => {
      const rate = 1 / (1 + Math.exp(-(ease + effect + 0.4 * drawNormal(random))))
      return { candidate, stratum, rate, ...drawCounts(random, 5 + Math.floor(random() * 16), rate) }
    })
  }).flat()
}

/** Whether two agents with a rate of 70 % and log-normal costs are ever called decided, asked after every tenth attempt. */
function isCostEverDecided(random: Random, failure: number): boolean {
  const summaries = [createSummary(), createSummary()]
  for (let n = 1; n <= 500; n++) {
    for (const summary of summaries) {
      const success = random() < 0.7
      const cost_usd = (success ? 1 : failure) * Math.exp(drawNormal(random))
      addAttempt(summary, { ...ATTEMPT, success, time_seconds: 0, cost_usd }, 0)
    }
    if (n < 30 || n % 10 !== 0) continue
    const agents = summaries.map(summary => ({
      successes: successes(summary),
      attempts: totalAttempts(summary),
      costs: costs(summary),
    }))
    const dollars = agents.map(agent => agent.costs.sum / agent.successes)
    const leader = dollars[0]! < dollars[1]! ? 0 : 1
    if (rankCosts(agents, leader).contender[1 - leader] === false) return true
  }
  return false
}

export const bestSimulations: readonly Simulation[] = [
  {
    name: 'a true 80 % on 100 attempts against five of a true 65 % on 5 attempts',
    promise: 'ranked by lower bound, a worse one leads in less than 1 % of cases (ranked by the rate, in most)',
    run() {
      const random = createRandom('lucky')
      const draws = Array.from({ length: 3000 }, () => [
        drawCounts(random, 100, 0.8),
        ...Array.from({ length: 5 }, () => drawCounts(random, 5, 0.65)),
      ])
      const wrong = (score: (counts: Counts) => number): number =>
        draws.filter(candidates => leaderBy(candidates, score) !== 0).length / draws.length
      const [byRate, byBound] = [wrong(rateOf), wrong(counts => wilsonBounds(counts).low)]
      return {
        measured: `${percent(byBound, 2)} by lower bound, ${percent(byRate)} by rate`,
        holds: byBound < 0.01 && byRate > 0.5,
      }
    },
  },
  {
    name: 'contenders among equals',
    promise: 'any of 2, 10 or 30 equal candidates is called worse than the leader in at most 5 % of cases',
    run() {
      const random = createRandom('equals')
      const cases = [2, 10, 30].flatMap(k => [30, 200].map(n => [k, n] as const))
      const wrong = cases.map(([k, n]) =>
        share({ 2: 800, 10: 300, 30: 80 }[k]!, () => {
          const candidates = Array.from({ length: k }, () => drawCounts(random, n, 0.8))
          const leader = leaderBy(candidates, rateOf)
          return contendersBeside(candidates[leader]!, candidates.toSpliced(leader, 1)).length < k - 1
        }),
      )
      return {
        measured: listed(cases.map(([k, n], i) => [`${k} of ${n} attempts`, percent(wrong[i]!)])),
        holds: wrong.every(rate => rate <= 0.05),
      }
    },
  },
  {
    name: 'contenders where one is best',
    promise: 'the candidate with the highest true rate is a contender in at least 97.5 % of cases',
    run() {
      const random = createRandom('best')
      const kept = [20, 100, 500].map(n =>
        share(500, () => {
          const candidates = [0.85, 0.84, 0.8, 0.7, 0.5].map(rate => drawCounts(random, n, rate))
          const leader = leaderBy(candidates, rateOf)
          return leader === 0 || contendersBeside(candidates[leader]!, candidates.toSpliced(leader, 1)).includes(0)
        }),
      )
      return {
        measured: listed([20, 100, 500].map((n, i) => [`${n} attempts each`, percent(kept[i]!)])),
        holds: kept.every(rate => rate >= 0.975),
      }
    },
  },
  {
    name: 'best agent of 2 or 5 equal ones, looked at after each of 500 attempts',
    promise:
      'the leader is called decided at any look in at most 5 % of histories, also where most work goes to the leader',
    run() {
      const cases = [0.5, 0.9].flatMap(rate =>
        [2, 5].flatMap(k => [false, true].map(adaptive => ({ rate, k, adaptive }))),
      )
      const wrong = cases.map(one => {
        const random = createRandom(`peeking ${JSON.stringify(one)}`)
        return share(one.k === 2 ? 300 : 100, () => isEverDecided(random, one))
      })
      return {
        measured: listed(
          cases.map(({ rate, k, adaptive }, i) => [
            `${k} at ${percent(rate, 0)}${adaptive ? ', to the leader' : ''}`,
            percent(wrong[i]!),
          ]),
        ),
        holds: wrong.every(rate => rate <= 0.05),
      }
    },
  },
  {
    name: 'attempts to decide',
    promise:
      'after this number of further attempts of each contender, the comparison is decisive in 77 to 83 % of cases',
    run() {
      const cases = [
        [84, 70],
        [97, 90],
        [90, 70, 70],
        [88, 76, 74, 70, 60],
        [80, ...Array.from({ length: 9 }, () => 55)],
      ]
      const found = cases.map(rates => {
        const random = createRandom(`plan ${rates}`)
        const now = rates.map(rate => ({ successes: rate / 2, attempts: 50 }))
        const plan = decideBest(now, 0)
        const later = (): readonly Counts[] =>
          now.map((counts, i) => {
            if (!plan.contenders.includes(i)) return counts
            const more = drawCounts(random, plan.attempts_to_decide!, shrunkRate(counts))
            return { successes: counts.successes + more.successes, attempts: counts.attempts + more.attempts }
          })
        return [plan.attempts_to_decide!, share(1000, () => isDecidedFirst(later()))] as const
      })
      return {
        measured: listed(
          cases.map((rates, i) => [
            `${rates[0]} % and ${new Set(rates.slice(1)).size === 1 && rates.length > 2 ? `${rates.length - 1} of ${rates[1]}` : rates.slice(1).join(', ')} %, ${found[i]![0]} each`,
            percent(found[i]![1]),
          ]),
        ),
        holds: found.every(([, rate]) => rate >= 0.77 && rate <= 0.83),
      }
    },
  },
  {
    name: 'cheapest of 2 equal agents by cost per success, looked at after every tenth of 30 to 500 attempts of each',
    promise: 'is called decided at any look in at most 5 % of histories, also where failures cost three times as much',
    run() {
      const wrong = [1, 3].map(failure => {
        const random = createRandom(`cost peeking ${failure}`)
        return share(50, () => isCostEverDecided(random, failure))
      })
      return {
        measured: listed(wrong.map((rate, i) => [['equal costs', 'dear failures'][i]!, percent(rate)])),
        holds: wrong.every(rate => rate <= 0.05),
      }
    },
  },
  {
    name: 'best of 6 agents at each of 8 issue types with 5 to 20 attempts, log odds of agents spread by 0.6, of pairs by 0.4',
    promise: 'the shrunk rate picks the best more often than the raw rate and the lower bound, by at least 8 points',
    run() {
      const random = createRandom('shrinkage')
      const hits = { 'raw rate': 0, 'lower bound': 0, 'shrunk rate': 0 }
      const [runs, types] = [100, 8]
      for (let run = 0; run < runs; run++) {
        const cells = drawCells(random, types, 6)
        const { rateOf: shrunk } = fitShrinkage(cells)
        for (let type = 0; type < types; type++) {
          const here = cells.filter(({ stratum }) => stratum === type)
          const best = Math.max(...here.map(({ rate }) => rate))
          const pick = (score: (cell: DrawnCell) => number): number =>
            here[here.map(score).indexOf(Math.max(...here.map(score)))]!.rate === best ? 1 : 0
          hits['raw rate'] += pick(rateOf)
          hits['lower bound'] += pick(cell => wilsonBounds(cell).low)
          hits['shrunk rate'] += pick(cell => shrunk(cell.candidate, cell.stratum, cell))
        }
      }
      const shares = Object.entries(hits).map(([label, count]) => [label, count / (runs * types)] as const)
      return {
        measured: listed(shares.map(([label, hit]) => [label, percent(hit)])),
        holds: shares[2]![1] >= Math.max(shares[0]![1], shares[1]![1]) + 0.08,
      }
    },
  },
  {
    name: 'probability to be best and expected loss against 400,000 draws',
    promise: 'differ by less than 0.003',
    run() {
      const random = createRandom('draws')
      const candidates = [
        { successes: 3, attempts: 4 },
        { successes: 40, attempts: 60 },
        { successes: 7, attempts: 9 },
        { successes: 0, attempts: 0 },
        { successes: 650, attempts: 1000 },
      ]
      const runs = 400_000
      const wins = candidates.map(() => 0)
      let highest = 0
      for (let i = 0; i < runs; i++) {
        const rates = candidates.map(c => drawBeta(random, c.successes + 0.5, c.attempts - c.successes + 0.5))
        const most = Math.max(...rates)
        wins[rates.indexOf(most)]! += 1
        highest += most / runs
      }
      const { p_best, expected_loss } = posteriorOf(candidates)
      const errors = candidates.flatMap((c, i) => [
        Math.abs(p_best[i]! - wins[i]! / runs),
        Math.abs(expected_loss[i]! - (highest - (c.successes + 0.5) / (c.attempts + 1))),
      ])
      return { measured: `at most ${Math.max(...errors).toFixed(4)}`, holds: Math.max(...errors) < 0.003 }
    },
  },
  {
    name: 'exploration',
    promise: 'each route comes first with the probability that it is the best, within 2 percentage points',
    run() {
      const routes: Route[] = [
        { id: 'a', successes: 30, attempts: 50, cost_per_success_usd: null },
        { id: 'b', successes: 8, attempts: 10, cost_per_success_usd: null },
        { id: 'c', successes: 1, attempts: 2, cost_per_success_usd: null },
      ]
      const runs = 3000
      const firsts = Array.from({ length: runs }, (_, seed) => rankRoutes(routes, {}, seed).ranked[0]!.id)
      const { p_best } = posteriorOf(routes)
      const errors = routes.map(({ id }, i) =>
        Math.abs(firsts.filter(first => first === id).length / runs - p_best[i]!),
      )
      return { measured: `at most ${(Math.max(...errors) * 100).toFixed(1)} points`, holds: Math.max(...errors) < 0.02 }
    },
  },
]
