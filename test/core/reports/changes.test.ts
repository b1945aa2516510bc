import { describe, expect, test } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../../src/core/ports.ts'
import { changeReport } from '../../../src/core/reports/changes.ts'

interface Work {
  readonly agent?: string
  readonly issue?: string
  readonly good: number
  readonly of: number
}

/** The keys of a period: `good` of `of` attempts succeed. */
function periodOf(...works: readonly Work[]): readonly KeySummary[] {
  const tally = createTally({ maxKeys: 100, maxArms: 0, tiers: [] })
  for (const { agent = 'fixer', issue = 'bug', good, of } of works) {
    for (let i = 0; i < of; i++) {
      const key = { agent_name: agent, model_name: 'm', issue_type: issue }
      const attempt = {
        ...key,
        success: i < good,
        confidence: null,
        time_seconds: 1,
        timestamp: new Date(i).toISOString(),
      }
      tally.add(attempt, { ms: i, local: false }, i)
    }
  }
  return tally.keys({})
}

describe('the changes between two periods', () => {
  test('name an agent that succeeds less by more than chance, with both rates and the difference at the same work', () => {
    const report = changeReport(periodOf({ good: 90, of: 100 }), periodOf({ good: 60, of: 100 }))
    expect(report).toMatchObject({ direction: 'degrading', agents_compared: 1 })
    expect(report.earlier).toMatchObject({ success_rate: 90, total_attempts: 100 })
    expect(report.later).toMatchObject({ success_rate: 60, total_attempts: 100 })
    expect(report.change!.difference).toBeCloseTo(-30, 9)
    const [fixer] = report.agents
    expect(fixer).toMatchObject({ agent_name: 'fixer', direction: 'degrading', compared_attempts: 200 })
    expect(fixer!.adjusted_difference).toBeCloseTo(-30, 9)
    expect(fixer!.adjusted_difference_interval!.high).toBeLessThan(0)
    expect(fixer!.adjusted_difference_interval!.low).toBeLessThan(-30)
  })

  test('say that they cannot tell where chance explains the difference', () => {
    const report = changeReport(periodOf({ good: 8, of: 10 }), periodOf({ good: 6, of: 10 }))
    expect(report.direction).toBe('cannot_tell_yet')
    expect(report.agents[0]).toMatchObject({ direction: 'cannot_tell_yet' })
  })

  test('do not blame an agent for harder work: its rates fall, and at the same work nothing changed', () => {
    const earlier = periodOf({ issue: 'easy', good: 180, of: 200 }, { issue: 'hard', good: 10, of: 50 })
    const later = periodOf({ issue: 'easy', good: 45, of: 50 }, { issue: 'hard', good: 40, of: 200 })
    const report = changeReport(earlier, later)
    expect(report.direction).toBe('degrading')
    expect(report.agents[0]!.direction).toBe('cannot_tell_yet')
    expect(report.agents[0]!.adjusted_difference).toBeCloseTo(0, 9)
  })

  test('need more evidence of one agent among many, and name all that changed together', () => {
    const quiet = Array.from({ length: 60 }, (_, i) => ({ agent: `quiet-${i}`, good: 8, of: 10 }))
    const [before, after] = [
      { agent: 'fallen', good: 40, of: 50 },
      { agent: 'fallen', good: 22, of: 50 },
    ]
    const isNamed = (report: ReturnType<typeof changeReport>): boolean => report.agents[0]!.direction === 'degrading'
    expect(isNamed(changeReport(periodOf(before), periodOf(after)))).toBe(true)
    expect(isNamed(changeReport(periodOf(before, ...quiet), periodOf(after, ...quiet)))).toBe(false)
    const together = (work: Work): Work[] => Array.from({ length: 60 }, (_, i) => ({ ...work, agent: `fallen-${i}` }))
    const all = changeReport(periodOf(...together(before), ...quiet), periodOf(...together(after), ...quiet))
    expect(all.agents.filter(({ direction }) => direction === 'degrading')).toHaveLength(60)
  })

  test('list an agent of one period without a comparison', () => {
    const both = { agent: 'both', good: 5, of: 10 }
    const report = changeReport(
      periodOf(both, { agent: 'gone', good: 3, of: 3 }),
      periodOf(both, { agent: 'new', good: 1, of: 2 }),
    )
    expect(report.agents_compared).toBe(1)
    const of = (name: string) => report.agents.find(({ agent_name }) => agent_name === name)!
    expect(of('gone')).toMatchObject({ later: null, adjusted_difference: null, adjusted_difference_interval: null })
    expect(of('new')).toMatchObject({ earlier: null, compared_attempts: 0, direction: 'cannot_tell_yet' })
  })

  test('have no comparison without attempts', () => {
    expect(changeReport([], [])).toEqual({
      earlier: null,
      later: null,
      change: null,
      direction: 'cannot_tell_yet',
      agents_compared: 0,
      agents: [],
    })
  })
})
