/** Compares answers about real attempts with independent calculations: exact fractions, sums and random draws. */
import { describe, expect, test } from 'vitest'
import { decidedBestAgent } from '../../src/core/reports/best-agent.ts'
import { fairReport } from '../../src/core/reports/fair-report.ts'
import { decideBest } from '../../src/core/statistics/best.ts'
import type { Counts } from '../../src/core/statistics/counts.ts'
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
  significantPairs,
  sumOf,
  tasks,
  withinTasksP,
} from './terminal-bench.ts'

/** The pairs in which `decideBest` excludes the worse one, with each candidate in turn as the leader. */
function decidedPairs(labels: readonly string[], counts: readonly Counts[]): string[] {
  return counts
    .flatMap((_, leader) => {
      const { contenders } = decideBest(counts, leader)
      return labels.filter((_, i) => !contenders.includes(i)).map(worse => `${labels[leader]} > ${worse}`)
    })
    .sort()
}

test('the rates are the published ones', () => {
  expect(overall.map(({ successes, attempts }) => `${successes}/${attempts}`)).toEqual([
    ...['165/400', '51/332', '105/396', '165/400', '235/400', '202/400', '210/400'],
  ])
})

describe('over all tasks', () => {
  const [pairs, agentPairs] = [significantPairs(names, overall), significantPairs(agents, byAgent)]

  test('pairs that are decided at any number of looks are significant in exact tests of one look, with Holm correction', () => {
    const [decided, decidedAgents] = [decidedPairs(names, overall), decidedPairs(agents, byAgent)]
    expect(decided.filter(pair => !pairs.includes(pair))).toEqual([])
    expect(decidedAgents.filter(pair => !agentPairs.includes(pair))).toEqual([])
    const [openhands, , cursor, goose, , , gpt] = names
    expect(pairs.filter(pair => !decided.includes(pair))).toEqual([
      `${cursor} > ${names[1]}`,
      ...[goose, openhands].map(worse => `${gpt} > ${worse}`),
      ...[goose, openhands].map(better => `${better} > ${cursor}`),
    ])
    expect(agentPairs.filter(pair => !decidedAgents.includes(pair))).toEqual(['cursor-cli > mini-swe-agent'])
  })

  test('all agents differ significantly but openhands and goose, which solved equally many', () => {
    expect(agentPairs).toEqual([
      'cursor-cli > mini-swe-agent',
      ...['cursor-cli', 'goose', 'mini-swe-agent', 'openhands'].map(worse => `droid > ${worse}`),
      ...['goose', 'openhands'].flatMap(better => [`${better} > cursor-cli`, `${better} > mini-swe-agent`]),
    ])
  })

  test("droid's models do not differ significantly, nor does droid with claude-sonnet-4 from openhands and goose", () => {
    const droids = names.filter(name => name.startsWith('droid:'))
    expect(pairs).toHaveLength(15)
    expect(pairs.filter(pair => droids.every(droid => !pair.includes(droid)))).toHaveLength(5)
    const open = names.flatMap((a, i) =>
      names
        .slice(i + 1)
        .filter(b => !pairs.includes(`${a} > ${b}`) && !pairs.includes(`${b} > ${a}`))
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

  test('five attempts each are never decisive among seven, as in exact tests: the smallest possible p is 2/252, and there are 21 pairs', () => {
    expect(exactP({ successes: 5, attempts: 5 }, { successes: 0, attempts: 5 })).toBeCloseTo(2 / 252, 12)
    expect((2 / 252) * 21).toBeGreaterThan(0.05)
    for (const { best, of } of answers) {
      expect(best.decisive).toBe(false)
      expect(best.contenders).toHaveLength(of.length - 1)
    }
  })

  test('a question about two agents alone is not decisive with five attempts each, even where a single look is', () => {
    const [goose, cursor] = ['goose', 'cursor-cli']
    const decided = answers.filter(
      ({ of }) =>
        decidedBestAgent(
          of.filter(({ key }) => [goose, cursor].includes(key.agent_name)),
          { minAttempts: 1 },
        )!.decisive,
    )
    expect(decided).toEqual([])
  })

  test('the best agent has the highest rate, and its probability of being the best agrees with random draws', () => {
    const random = createRandom('terminal-bench')
    for (const { best, of, task } of answers.filter((_, i) => i % 16 === 0)) {
      const counts = of.map(one => cells.find(cell => cell.task === task && cell.name === nameOf(one))!)
      const highest = Math.max(...counts.map(({ successes, attempts }) => successes / attempts))
      expect(best.success_rate).toBeCloseTo(highest * 100, 9)
      const index = of.findIndex(one => nameOf(one) === `${best.agent_name}:${best.model_name}`)
      let wins = 0
      for (let i = 0; i < 20_000; i++) {
        const rates = counts.map(c => drawBeta(random, c.successes + 0.5, c.attempts - c.successes + 0.5))
        if (rates.every(rate => rate <= rates[index]!)) wins++
      }
      expect(Math.abs(best.p_best - wins / 20_000)).toBeLessThan(0.015)
    }
  })
})

describe('at the same mix of tasks', () => {
  const fair = fairReport(keysOf(cells), 'agent_and_model')
  /** The share of each task in all attempts. */
  const shareOf = new Map(tasks.map(task => [task, sumOf(cells.filter(cell => cell.task === task)).attempts / 2728]))
  const sameMix = (name: string, rateOf: (cell: Cell) => number): number =>
    cells.filter(cell => cell.name === name).reduce((sum, cell) => sum + shareOf.get(cell.task)! * rateOf(cell), 0) *
    100

  test('the adjusted rate of mini-swe-agent is 0.25 points higher than its crude rate, that of cursor-cli 0.20 lower', () => {
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

  test('intervals are wider than bootstrap intervals, which have no variance at 5 of 5, but less than twice as wide', () => {
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

  test('droid with claude-opus-4.1 is the best, decisively so against all but the other models of droid', () => {
    const { name: best, decisive, contenders } = fair.best!
    expect({ best, decisive, contenders }).toEqual({
      best: names[4],
      decisive: false,
      contenders: [names[6], names[5]],
    })
    for (const other of names.filter(name => name !== best && !contenders.includes(name))) {
      expect(withinTasksP(best, other) * 21, other).toBeLessThan(0.05)
    }
  })

  test('among agents, droid is decisively the best', () => {
    expect(fairReport(keysOf(cells), 'agent_name').best).toEqual({ name: 'droid', decisive: true, contenders: [] })
  })
})
