import { describe, expect, test } from 'vitest'
import type { KeyDrift } from '../../../src/core/reports/drift-report.ts'
import { type TrendFindings, trendVerdict } from '../../../src/core/reports/trend-verdict.ts'
import type { Drift } from '../../../src/core/statistics/drift.ts'

const STEADY: Drift = {
  direction: 'none',
  statistic: 1,
  threshold: 4.5,
  began_attempts_ago: null,
  began_at: null,
  expected_rate: null,
  observed_rate: null,
}
const drift = (direction: 'down' | 'up'): Drift => ({
  ...STEADY,
  direction,
  statistic: 9,
  began_attempts_ago: 42,
  began_at: '2026-01-14T09:00:00.000Z',
  expected_rate: 90,
  observed_rate: 61.25,
})
const keyDrift = (direction: 'down' | 'up', agent_name = 'fixer'): KeyDrift => ({
  agent_name,
  model_name: 'm',
  issue_type: 'bug',
  ...drift(direction),
})

const change = (difference: number): TrendFindings['change'] => ({
  difference,
  difference_interval: { low: difference - 5, high: difference + 5, method: 'confidence_sequence' },
  p_value: 0.01,
})

const findings = (own: Partial<TrendFindings>): TrendFindings => ({
  attempts: 500,
  direction: 'cannot_tell_yet',
  change: change(1),
  drifted_keys: [],
  agents: { fixer: STEADY },
  ...own,
})

describe('the verdict', () => {
  test('says beside a drift of repeated tasks that drift counts each run as independent', () => {
    const words = 'drift counts each run of a task as independent'
    const drifted = { drifted_keys: [keyDrift('down')] }
    expect(trendVerdict(findings({ ...drifted, repeats: true }))).toContain(words)
    expect(trendVerdict(findings(drifted))).not.toContain(words)
    expect(trendVerdict(findings({ repeats: true }))).not.toContain(words)
  })

  test('prints large numbers of attempts in groups of three digits', () => {
    const drifted_keys = [{ ...keyDrift('down'), began_attempts_ago: 1828 }]
    expect(trendVerdict(findings({ drifted_keys }))).toContain('since about 1,828 attempts (')
  })

  test('names what has drifted, since when, and from which rate to which', () => {
    expect(trendVerdict(findings({ drifted_keys: [keyDrift('down')] }))).toBe(
      'Worse: fixer with m at bug is down since about 42 attempts (61.3 % instead of 90.0 %). The halves of the range do not show this, because they mix attempts from before and after the change, or of other keys.',
    )
  })

  test.each(['down', 'up'] as const)('explains why the halves cannot tell if something drifted %s', direction => {
    const verdict = trendVerdict(findings({ drifted_keys: [keyDrift(direction)] }))
    expect(verdict).toMatch(direction === 'down' ? /^Worse: / : /^Better: /)
    expect(verdict).toContain('do not show this, because')
  })

  test.each([
    ['improving', 'up', /^Better: .*Over the whole range, too, the later half .* 10\.0 points more/],
    ['degrading', 'down', /^Worse: .*Over the whole range, too, the later half .* 10\.0 points less/],
    ['improving', 'down', /^Mixed: .*the longer view, and the drift the latest/],
    ['degrading', 'up', /^Mixed: .*the longer view, and the drift the latest/],
  ] as const)('of halves that are %s and a drift %s agrees with both', (direction, drifted, expected) => {
    const difference = direction === 'improving' ? 10 : -10
    const all = { direction, change: change(difference), drifted_keys: [keyDrift(drifted)] }
    expect(trendVerdict(findings(all))).toMatch(expected)
  })

  test('names a drift in each direction, and counts the others', () => {
    const drifted_keys = [keyDrift('down'), keyDrift('up', 'other'), keyDrift('down', 'third')]
    expect(trendVerdict(findings({ drifted_keys }))).toMatch(
      /^Mixed: fixer .* is down .*; other .* is up .*; 1 more drifted\. /,
    )
  })

  test('names an agent only if none of its keys has drifted in that direction', () => {
    const agents = { fixer: drift('down') }
    expect(trendVerdict(findings({ agents }))).toMatch(/^Worse: fixer, over all its issue types, is down/)
    expect(trendVerdict(findings({ agents, drifted_keys: [keyDrift('down')] }))).not.toContain('over all')
  })

  test('of halves that differ without a drift says why both hold', () => {
    const verdict = trendVerdict(findings({ direction: 'improving', change: change(10) }))
    expect(verdict).toMatch(/^Better: .* 10\.0 points more .*Nothing drifts now/)
    expect(trendVerdict(findings({ direction: 'degrading', change: change(-10), agents: {} }))).toMatch(
      /^Worse: .*too few attempts of each agent/,
    )
  })

  test('tells no change from too few attempts, and from none', () => {
    expect(trendVerdict(findings({}))).toMatch(/^No change seen: .* differ by at most 6 points\.$/)
    expect(trendVerdict(findings({ agents: {} }))).toMatch(/^Cannot tell yet: there are too few attempts/)
    expect(trendVerdict(findings({ attempts: 0, agents: {} }))).toBe('Cannot tell: there are no attempts in the range.')
  })

  test.each([
    ['a half without attempts', null],
    [
      'halves that may differ by 40 points',
      { ...change(0)!, difference_interval: { low: -20, high: 40, method: 'confidence_sequence' } },
    ],
  ] as const)('does not conclude from %s that nothing has changed', (_, given) => {
    expect(trendVerdict(findings({ change: given }))).toMatch(
      /^Cannot tell yet: nothing has drifted from its recent rate, but /,
    )
  })
})
