import { decideBest } from '../../../src/core/statistics/best.ts'
import { type Counts, rateOf } from '../../../src/core/statistics/counts.ts'
import { fisherTest } from '../../../src/core/statistics/fisher.ts'
import { wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { posteriorOf } from '../../../src/core/statistics/posterior.ts'
import { attemptsPerSide } from '../../../src/core/statistics/power.ts'
import { createRandom, drawBeta } from '../../../src/core/statistics/random.ts'
import { type Route, rankRoutes } from '../../../src/core/statistics/ranking.ts'
import { drawCounts, listed, percent, type Simulation, share } from './simulation.ts'

/** The index of the candidate with the highest score, the first of several. */
function leaderBy(candidates: readonly Counts[], score: (counts: Counts) => number): number {
  const scores = candidates.map(score)
  return scores.indexOf(Math.max(...scores))
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
          return decideBest(candidates, leaderBy(candidates, rateOf)).contenders.length < k
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
          return decideBest(candidates, leaderBy(candidates, rateOf)).contenders.includes(0)
        }),
      )
      return {
        measured: listed([20, 100, 500].map((n, i) => [`${n} attempts each`, percent(kept[i]!)])),
        holds: kept.every(rate => rate >= 0.975),
      }
    },
  },
  {
    name: 'attempts to decide',
    promise: "at this sample size, Fisher's test finds the difference of the two rates in 78 to 85 % of cases",
    run() {
      const random = createRandom('power')
      const cases = [
        [0.7, 0.85],
        [0.5, 0.8],
        [0.9, 0.97],
      ] as const
      const found = cases.map(([p, q]) => {
        const n = Math.ceil(attemptsPerSide(p, q, 0.05)!)
        return [n, share(2500, () => fisherTest(drawCounts(random, n, p), drawCounts(random, n, q)) <= 0.05)] as const
      })
      return {
        measured: listed(
          cases.map(([p, q], i) => [
            `${percent(p, 0)} and ${percent(q, 0)}, ${found[i]![0]} each`,
            percent(found[i]![1]),
          ]),
        ),
        holds: found.every(([, rate]) => rate >= 0.78 && rate <= 0.85),
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
