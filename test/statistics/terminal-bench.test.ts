/** What is said of real attempts whose answers are worked out here by other means: exact fractions, plain sums, draws. */
import { describe, expect, test } from 'vitest'
import { decidedBestAgent } from '../../src/core/reports/best-agent.ts'
import { fairReport } from '../../src/core/reports/fair-report.ts'
import { decideBest } from '../../src/core/statistics/best.ts'
import type { Counts } from '../../src/core/statistics/counts.ts'
import { normalTwoSided } from '../../src/core/statistics/distributions.ts'
import { mantelHaenszel } from '../../src/core/statistics/mantel-haenszel.ts'
import { createRandom, drawBeta } from '../../src/core/statistics/random.ts'
import {
  agents,
  byAgent,
  type Cell,
  cells,
  exactP,
  keysOf,
  nameOf,
  names,
  overall,
  strataOf,
  sumOf,
  tasks,
  toldApart,
  withinTasksP,
} from './terminal-bench.ts'

/** What the answers say when each in turn is the leader. */
function answered(labels: readonly string[], counts: readonly Counts[]): string[] {
  return counts
    .flatMap((_, leader) => {
      const { contenders } = decideBest(counts, leader)
      return labels.filter((_, i) => !contenders.includes(i)).map(worse => `${labels[leader]} > ${worse}`)
    })
    .sort()
}

test('the rates are those that were published', () => {
  expect(overall.map(({ successes, attempts }) => `${successes}/${attempts}`)).toEqual([
    ...['165/400', '51/332', '105/396', '165/400', '235/400', '202/400', '210/400'],
  ])
})

describe('over all tasks', () => {
  const [told, toldAgents] = [toldApart(names, overall), toldApart(agents, byAgent)]

  test('who can be told from whom is what exact tests of all pairs say, after Holm', () => {
    expect(answered(names, overall)).toEqual(told)
    expect(answered(agents, byAgent)).toEqual(toldAgents)
  })

  test('agents are told apart, but for openhands and goose, who solved as many', () => {
    expect(toldAgents).toEqual([
      'cursor-cli > mini-swe-agent',
      ...['cursor-cli', 'goose', 'mini-swe-agent', 'openhands'].map(worse => `droid > ${worse}`),
      ...['goose', 'openhands'].flatMap(better => [`${better} > cursor-cli`, `${better} > mini-swe-agent`]),
    ])
  })

  test("droid's models are not told apart, nor droid with claude-sonnet-4 from openhands and goose", () => {
    const droids = names.filter(name => name.startsWith('droid:'))
    expect(told).toHaveLength(15)
    expect(told.filter(pair => droids.every(droid => !pair.includes(droid)))).toHaveLength(5)
    const open = names.flatMap((a, i) =>
      names
        .slice(i + 1)
        .filter(b => !told.includes(`${a} > ${b}`) && !told.includes(`${b} > ${a}`))
        .map(b => [a, b]),
    )
    const [openhands, goose, opus, sonnet, gpt] = [names[0], names[3], ...droids]
    expect(open).toEqual([
      [openhands, goose],
      [openhands, sonnet],
      [goose, sonnet],
      [opus, sonnet],
      [opus, gpt],
      [sonnet, gpt],
    ])
  })
})

describe('task by task', () => {
  const keys = keysOf(cells)
  const answers = tasks.map(task => {
    const of = keys.filter(({ key }) => key.issue_type === task)
    return { task, of, best: decidedBestAgent(of, { minAttempts: 1 })! }
  })

  test('five attempts each tell none of seven from the best: the clearest outcome there can be has p = 2/252 in 21 pairs', () => {
    expect(exactP({ successes: 5, attempts: 5 }, { successes: 0, attempts: 5 })).toBeCloseTo(2 / 252, 12)
    expect((2 / 252) * 21).toBeGreaterThan(0.05)
    for (const { best, of } of answers) {
      expect(best.decisive).toBe(false)
      expect(best.contenders).toHaveLength(of.length - 1)
    }
  })

  test('asked of two alone, they are told apart where the exact test tells them apart', () => {
    const [goose, cursor] = ['goose', 'cursor-cli']
    const decided = answers.filter(
      ({ of }) =>
        decidedBestAgent(
          of.filter(({ key }) => [goose, cursor].includes(key.agent_name)),
          { minAttempts: 1 },
        )!.decisive,
    )
    const expected = tasks.filter(task => {
      const [a, b] = [goose, cursor].map(
        agent => cells.find(cell => cell.task === task && cell.name.startsWith(agent!))!,
      )
      return exactP(a!, b!) <= 0.05
    })
    expect(decided.map(({ task }) => task)).toEqual(expected)
    expect(expected).toContain('hello-world')
  })

  test('the best one has the highest rate, and the chance of each to be the best agrees with draws', () => {
    const random = createRandom('terminal-bench')
    for (const { best, of, task } of answers.filter((_, i) => i % 16 === 0)) {
      const counts = of.map(one => cells.find(cell => cell.task === task && cell.name === nameOf(one))!)
      const highest = Math.max(...counts.map(({ successes, attempts }) => successes / attempts))
      expect(best.success_rate).toBeCloseTo(highest * 100, 9)
      const place = of.findIndex(one => nameOf(one) === `${best.agent_name}:${best.model_name}`)
      let wins = 0
      for (let i = 0; i < 20_000; i++) {
        const rates = counts.map(c => drawBeta(random, c.successes + 0.5, c.attempts - c.successes + 0.5))
        if (rates.every(rate => rate <= rates[place]!)) wins++
      }
      expect(Math.abs(best.p_best - wins / 20_000)).toBeLessThan(0.015)
    }
  })
})

describe('at the same mix of tasks', () => {
  const fair = fairReport(keysOf(cells), 'agent_and_model')
  /** Every task at the share it has of all attempts, whoever made them. */
  const shareOf = new Map(tasks.map(task => [task, sumOf(cells.filter(cell => cell.task === task)).attempts / 2728]))
  const sameMix = (name: string, rateOf: (cell: Cell) => number): number =>
    cells.filter(cell => cell.name === name).reduce((sum, cell) => sum + shareOf.get(cell.task)! * rateOf(cell), 0) *
    100

  test('mini-swe-agent rises by a quarter of a point and cursor-cli falls by a fifth: they lack attempts, and no task', () => {
    expect(fair.strata.toSorted()).toEqual(tasks.toSorted())
    const moved = fair.rates.map(rate => [rate.name, (rate.adjusted_rate! - rate.success_rate).toFixed(2)])
    expect(Object.fromEntries(moved)).toMatchObject({
      'mini-swe-agent:claude-sonnet-4': '0.25',
      'cursor-cli:claude-sonnet-4': '-0.20',
    })
    for (const { name, adjusted_rate } of fair.rates) {
      expect(adjusted_rate).toBeCloseTo(
        sameMix(name, ({ successes, attempts }) => successes / attempts),
        9,
      )
    }
    expect(fair.turned_over).toEqual([])
  })

  test('intervals are wider than what repeated draws give, since 5 of 5 is no certainty, and not twice as wide', () => {
    const random = createRandom('same mix')
    for (const { name, adjusted_rate_interval } of fair.rates) {
      const redrawn = Array.from({ length: 1000 }, () =>
        sameMix(name, ({ successes, attempts }) => {
          let good = 0
          for (let i = 0; i < attempts; i++) if (random() < successes / attempts) good++
          return good / attempts
        }),
      ).sort((a, b) => a - b)
      const width = (redrawn[974]! - redrawn[25]!) / (adjusted_rate_interval!.high - adjusted_rate_interval!.low)
      expect(width).toBeLessThan(1)
      expect(width).toBeGreaterThan(0.5)
    }
  })

  test('droid with claude-opus-4.1 is best, and told from all but droid with gpt-5', () => {
    const { name: best, decisive, contenders } = fair.best!
    expect({ best, decisive, contenders }).toEqual({ best: names[4], decisive: false, contenders: [names[6]] })
    for (const other of names.filter(name => name !== best)) {
      const p = withinTasksP(best, other)
      // Of 21 pairs; Holm's correction is at most Bonferroni's.
      expect(p * 21 <= 0.05, `${other}: ${p}`).toBe(!contenders.includes(other))
      if (p < 1e-6) continue
      const [strataOfBest, strataOfOther] = [best, other].map(strataOf)
      const ours = normalTwoSided(mantelHaenszel(strataOfBest!, strataOfOther!, tasks))
      expect(Math.abs(ours / p - 1)).toBeLessThan(0.3)
    }
  })

  test('by agents alone droid is best, and told from all others', () => {
    expect(fairReport(keysOf(cells), 'agent_name').best).toEqual({ name: 'droid', decisive: true, contenders: [] })
  })
})
