import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import { attemptProblems } from '../../src/core/attempt/validation.ts'
import type { NewAttempt } from '../../src/index.ts'
import { collecting } from './collecting.ts'

const attempt: NewAttempt = {
  agent_name: 'Fixer',
  model_name: 'gpt',
  issue_type: 'bug',
  success: true,
  time_seconds: 2,
}

describe('recordAttempt', () => {
  it('delivers the given attempt, with an id and a time if they are absent', () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.recordAttempt(attempt)
    expect(attempts).toEqual([{ ...attempt, attempt_id: expect.any(String), timestamp: expect.any(String) }])
    expect(Math.abs(Date.parse(attempts[0]?.timestamp ?? '') - Date.now())).toBeLessThan(5_000)
  })

  it('keeps the id and the time that are given', () => {
    const { instrumentation, attempts } = collecting()
    const whole = { ...attempt, attempt_id: 'mine', timestamp: '2026-01-31T12:00:00.123456+02:00' }
    instrumentation.recordAttempt(whole)
    expect(attempts).toEqual([whole])
  })

  it('takes a pending attempt with its id, and none without: no outcome could decide it', () => {
    const { instrumentation, attempts } = collecting()
    const { success: _, ...pending } = attempt
    instrumentation.recordAttempt({ ...pending, attempt_id: 'mine' })
    for (const attempt_id of [undefined, '', 'x'.repeat(129)])
      instrumentation.recordAttempt({ ...pending, attempt_id } as never)
    expect(attempts.map(({ attempt_id }) => attempt_id)).toEqual(['mine'])
    expect(instrumentation.problems().attempt).toBe(3)
  })

  it('adds the zone to a local time, which a sidecar elsewhere does not know', () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.recordAttempt({ ...attempt, timestamp: '2026-01-31T12:00:00.5' })
    expect(attempts[0]?.timestamp).toBe(new Date(2026, 0, 31, 12, 0, 0, 500).toISOString())
  })

  it('does not change if the caller changes the object afterwards', () => {
    const { instrumentation, attempts } = collecting()
    const mine = { ...attempt }
    instrumentation.recordAttempt(mine)
    mine.agent_name = 'Somebody'
    expect(attempts[0]?.agent_name).toBe('Fixer')
  })

  it('leaves out invalid fields, and counts each', () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.recordAttempt({
      ...attempt,
      confidence: 7,
      input_tokens: 1n,
      colour: 'red',
      toString: 1,
    } as never)
    expect(attempts).toEqual([{ ...attempt, attempt_id: expect.any(String), timestamp: expect.any(String) }])
    expect(instrumentation.problems().attempt).toBe(4)
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'attempt'],
    ['a list', [attempt]],
    ['with a result that is none', { ...attempt, success: 'yes' }],
    ['with a time that is none', { ...attempt, time_seconds: Number.NaN }],
    [
      'unreadable',
      {
        get agent_name(): string {
          throw new Error('unreadable')
        },
      },
    ],
  ])('drops and counts invalid attempts: %s', (_, given) => {
    const { instrumentation, attempts } = collecting()
    instrumentation.recordAttempt(given as never)
    expect(attempts).toEqual([])
    expect(instrumentation.problems().attempt).toBeGreaterThan(0)
  })

  it('never throws, and never delivers an attempt that a sidecar would reject, for any argument', () => {
    const { instrumentation, attempts } = collecting()
    const field = fc.anything({ withBigInt: true })
    const odd = fc.record(
      {
        agent_name: fc.oneof(fc.string({ unit: 'binary' }), field),
        model_name: fc.oneof(fc.string(), field),
        issue_type: fc.oneof(fc.string(), field),
        success: fc.oneof(fc.boolean(), fc.boolean(), field),
        time_seconds: fc.oneof(fc.double(), fc.nat(), field),
        confidence: fc.oneof(fc.double(), field),
        timestamp: fc.oneof(fc.date({ noInvalidDate: true }).map(String), fc.string(), field),
        attempt_id: fc.oneof(fc.string(), field),
        cost_usd: fc.oneof(fc.double(), field),
        extra: field,
      },
      { requiredKeys: ['success', 'time_seconds'] },
    )
    fc.assert(
      fc.property(fc.oneof(odd, fc.anything()), given => {
        const before = attempts.length
        instrumentation.recordAttempt(given as never)
        for (const one of attempts.slice(before)) {
          expect(attemptProblems(one, text => parseTimestamp(text) !== undefined)).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
    expect(attempts.length).toBeGreaterThan(20)
  })
})
