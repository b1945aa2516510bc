/** The groups of a fair comparison. */
import { expect, test } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { fairReport } from '../../../src/core/reports/fair-report.ts'

test('pairs of agent and model whose names print alike stay separate groups with distinct names', () => {
  const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
  const add = (agent_name: string, model_name: string, success: boolean): void => {
    const attempt = {
      agent_name,
      model_name,
      issue_type: 't',
      success,
      time_seconds: 1,
      timestamp: '2026-01-31T12:00:00Z',
    }
    tally.add(attempt, { ms: Date.parse(attempt.timestamp), local: false }, Date.parse(attempt.timestamp))
  }
  for (let i = 0; i < 50; i++) {
    add('a:b', 'c', true)
    add('a', 'b:c', false)
    add('x', 'y', i % 2 === 0)
  }
  const { rates } = fairReport(tally.keys(), 'agent_and_model')
  expect(rates.map(({ name, success_rate, total_attempts }) => [name, success_rate, total_attempts])).toEqual([
    ['a:b:c', 100, 50],
    ['a:b:c#2', 0, 50],
    ['x:y', 50, 50],
  ])
})
