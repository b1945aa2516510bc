/** The leaderboard shows every candidate once, and agrees with the questions for the best agent and for the same mix of issue types. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { decidedBestAgent } from '../../../src/core/reports/best-agent.ts'
import { fairReport } from '../../../src/core/reports/fair-report.ts'
import { leaderboard } from '../../../src/core/reports/leaderboard.ts'
import { attempts, NOW_MS } from '../arbitraries.ts'

function tallyOf(list: readonly AgentAttempt[]): Tally {
  const tally = createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS })
  for (const attempt of list) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  return tally
}

/** `rate` successes of ten, `tens` times. */
function some(agent_name: string, issue_type: string, rate: number, tens: number): AgentAttempt[] {
  const timestamp = new Date(NOW_MS).toISOString()
  return Array.from({ length: 10 * tens }, (_, i) => ({
    ...{ agent_name, model_name: 'm', issue_type, time_seconds: 1, timestamp },
    success: i % 10 < rate,
  }))
}

const nameOf = ({ agent_name, model_name }: { agent_name: string; model_name: string }): string =>
  JSON.stringify([agent_name, model_name])

test('at an issue type it names the leader, the contenders and the probabilities of the best agent', () => {
  fc.assert(
    fc.property(fc.array(attempts, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (list, minAttempts) => {
      const keys = tallyOf(list).keys({ issue_type: 'a' })
      const best = decidedBestAgent(keys, { minAttempts })
      const board = leaderboard(keys, { minAttempts, issueType: 'a' })
      expect(board.compared_at).toBe('a')
      expect(board.rows).toHaveLength(keys.length)
      if (best === undefined) {
        expect(board.groups.could_be_best).toBe(0)
        return
      }
      expect(board.decisive).toBe(best.decisive)
      expect(board.attempts_to_decide).toBe(best.attempts_to_decide)
      const open = board.rows.filter(({ group }) => group === 'could_be_best')
      const known = [best, ...best.contenders]
      expect(new Map(open.map(row => [nameOf(row), row.p_best]))).toEqual(
        new Map(known.map(one => [nameOf(one), one.p_best])),
      )
      expect(board.rows[0]?.success_rate).toBe(best.success_rate)
    }),
    { numRuns: 60 },
  )
})

test('over several issue types it names the best and the contenders of the comparison at the same mix', () => {
  fc.assert(
    fc.property(fc.array(attempts, { minLength: 2, maxLength: 60 }), list => {
      const keys = tallyOf(list).keys()
      fc.pre(new Set(keys.map(({ key }) => key.issue_type)).size > 1)
      const board = leaderboard(keys, { minAttempts: 1 })
      const fair = fairReport(keys, 'agent_and_model')
      expect([board.compared_at, board.compared_issue_types]).toEqual([null, fair.strata.length])
      expect(board.rows).toHaveLength(fair.rates.length)
      expect(board.groups.could_be_best).toBe(
        fair.best === null ? 0 : new Set([fair.best.name, ...fair.best.contenders]).size,
      )
      expect(board.rows.map(({ adjusted_rate }) => adjusted_rate).sort()).toEqual(
        fair.rates.map(({ adjusted_rate }) => adjusted_rate).sort(),
      )
    }),
    { numRuns: 60 },
  )
})

test('each candidate is in the group that a reader expects', () => {
  const list = [...some('good', 'bug', 9, 20), ...some('as good', 'bug', 9, 2), ...some('bad', 'bug', 1, 20)]
  const few = some('new', 'bug', 9, 1).slice(0, 4)
  const board = leaderboard(tallyOf([...list, ...few]).keys({ issue_type: 'bug' }))
  expect(board.rows.map(({ agent_name, group }) => [agent_name, group])).toEqual([
    ['good', 'could_be_best'],
    ['as good', 'could_be_best'],
    ['bad', 'told_apart'],
    ['new', 'too_few'],
  ])
  expect(board.groups).toEqual({ could_be_best: 2, told_apart: 1, not_compared: 0, too_few: 1 })
})

test('an agent that worked at other issue types only is not compared, and is shown', () => {
  const list = [...some('a', 'bug', 9, 2), ...some('b', 'bug', 5, 2), ...some('c', 'docs', 9, 1)]
  expect(leaderboard(tallyOf(list).keys()).rows.at(-1)).toMatchObject({
    agent_name: 'c',
    group: 'not_compared',
    p_best: null,
  })
})

test('a limit leaves out the last rows and keeps the numbers of the groups', () => {
  const list = [...some('a', 'bug', 9, 2), ...some('b', 'bug', 1, 2), ...some('c', 'bug', 1, 2)]
  const { rows, groups } = leaderboard(tallyOf(list).keys(), { limit: 1 })
  expect([rows.length, groups]).toEqual([1, { could_be_best: 1, told_apart: 2, not_compared: 0, too_few: 0 }])
})

test('without attempts there are no rows and no decision', () => {
  expect(leaderboard([])).toMatchObject({ rows: [], decisive: false, compared_at: null, attempts_to_decide: null })
})
