import fc from 'fast-check'
import { expect, test } from 'vitest'
import { successes, totalAttempts } from '../../src/core/aggregate/summary.ts'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import { createExposition } from '../../src/expose/exposition.ts'
import { attempt, count, NOW_MS, sourcesOf, tallyOf, textOf } from './fixture.ts'
import { readText } from './text-format.ts'

/** The value of each series of a counter or histogram of agents and experiments. */
function countersIn(text: string): Map<string, number> {
  const families = [...readText(text).values()].filter(
    ({ name, type }) => name.startsWith('agent_') && type !== 'gauge',
  )
  const own = families.filter(({ name }) => !name.startsWith('agent_performance_'))
  return new Map(
    own.flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [`${name}${JSON.stringify([...labels])}`, value]),
    ),
  )
}

const steps = fc.array(
  fc.record({
    of: fc.nat(20),
    success: fc.option(fc.boolean(), { nil: undefined }),
    outcome: fc.boolean(),
    confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    time_seconds: fc.double({ min: 0, max: 4000, noNaN: true }),
  }),
  { minLength: 1, maxLength: 30 },
)

/** Corrections to success minus those to failure. */
const netOf = (family: string, sumOf: (family: string, result: string) => number): number =>
  sumOf(family, 'success') - sumOf(family, 'failure')

test('a key whose attempts are all pending is exposed: recorded, without a result, with the time of its last attempt', async () => {
  const { success: _, ...pending } = attempt({ timestamp: '2026-03-01T11:00:00.25Z' })
  const tally = tallyOf([pending, { ...pending, timestamp: '2026-03-01T10:00:00Z' }])
  const text = await textOf(createExposition(sourcesOf(tally)))
  const key = 'agent_name="fixer",model_name="model-1",issue_type="complexity"'
  for (const line of [
    `agent_attempts_recorded_total{${key}} 2`,
    `agent_attempts_total{${key},result="success"} 0`,
    `agent_attempts_total{${key},result="failure"} 0`,
    `agent_last_attempt_timestamp_seconds{${key}} ${Date.parse('2026-03-01T11:00:00.25Z') / 1000}`,
  ])
    expect(text).toContain(`${line}\n`)
  // Nothing is known of its rate.
  expect(text).not.toContain(`agent_success_ratio_lower_bound{${key}}`)
})

test('counters never go down when outcomes correct results, and the latest results follow from them', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async list => {
      const tally = tallyOf()
      const { scrape } = createExposition(sourcesOf(tally))
      const arm = { experiment: 'e', variant: 'v' }
      const recorded: {
        readonly one: ReturnType<typeof attempt>
        latest: boolean | undefined
        verified: boolean | undefined
      }[] = []
      let before = new Map<string, number>()
      for (const { of, success, outcome, confidence, time_seconds } of list) {
        const known = recorded[of]
        if (known === undefined) {
          const { success: _, ...rest } = attempt({ confidence, time_seconds, ...arm })
          const one = success === undefined ? rest : { ...rest, success }
          count(tally, one)
          recorded.push({ one, latest: success, verified: undefined })
        } else {
          const at = parseTimestamp(known.one.timestamp)!
          const decision = { attempt: { ...known.one, success: outcome }, ms: at.ms, delayMs: 0 }
          tally.decide({ ...decision, reported: known.one.success, before: known.verified }, at, NOW_MS)
          known.latest = outcome
          known.verified = outcome
        }
        const now = countersIn(await textOf({ scrape }))
        for (const [series, value] of before) expect(now.get(series) ?? 0).toBeGreaterThanOrEqual(value)
        before = now
      }
      const sumOf = (family: string, result: string): number =>
        [...before].reduce((sum, [series, value]) => {
          const isOf = series.startsWith(`${family}[`) && series.includes(`["result","${result}"]`)
          return isOf ? sum + value : sum
        }, 0)
      const stated = ['success', 'failure'].map(result => {
        const succeeded = sumOf('agent_attempt_confidence_count', result)
        return succeeded + (result === 'success' ? 1 : -1) * netOf('agent_attempt_confidence_corrections_total', sumOf)
      })
      const decided = recorded.filter(({ latest }) => latest !== undefined)
      for (const prefix of ['agent', 'agent_experiment']) {
        const [total, corrections] = [`${prefix}_attempts_total`, `${prefix}_attempt_corrections_total`]
        expect(sumOf(total, 'success') + sumOf(total, 'failure')).toBe(decided.length)
        const all = [...before].filter(([series]) => series.startsWith(`${prefix}_attempts_recorded_total[`))
        expect(all.reduce((sum, [, value]) => sum + value, 0)).toBe(recorded.length)
        expect(sumOf(total, 'success') + sumOf(corrections, 'success') - sumOf(corrections, 'failure')).toBe(
          decided.filter(({ latest }) => latest).length,
        )
      }
      const confident = decided.filter(({ one }) => one.confidence !== undefined)
      const confidentSuccesses = confident.filter(({ latest }) => latest).length
      expect(stated).toEqual([confidentSuccesses, confident.length - confidentSuccesses])
      const summaries = tally.keys().map(({ summary }) => summary)
      expect(summaries.reduce((sum, one) => sum + totalAttempts(one), 0)).toBe(decided.length)
      expect(summaries.reduce((sum, one) => sum + successes(one), 0)).toBe(
        decided.filter(({ latest }) => latest).length,
      )
    }),
    { numRuns: 30 },
  )
})
