import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTally, type Tally } from '../../src/core/aggregate/tally.ts'
import type { AgentAttempt } from '../../src/core/attempt/attempt.ts'
import { experimentReport } from '../../src/core/reports/experiment-report.ts'
import { createExposition } from '../../src/expose/exposition.ts'
import { armAttempts, attempt, chunksOf, count, HOSTILE_NAMES, sourcesOf, tallyOf, textOf } from './fixture.ts'
import { readText, readValue } from './text-format.ts'

const NAME = 'agent_experiment'
const OLD = { experiment: 'prompt', variant: 'old' }
const NEW = { experiment: 'prompt', variant: 'new' }
const COMPARED = { ...NEW, baseline: 'old' }

const scrape = (tally: Tally): Promise<string> => textOf(createExposition(sourcesOf(tally)))

describe('an arm', () => {
  it('exposes counters that equal its totals over all agents', async () => {
    const text = await scrape(
      tallyOf([
        attempt({ ...OLD, time_seconds: 3, cost_usd: 0.25 }),
        attempt({ ...OLD, agent_name: 'other', time_seconds: 0.1, success: false, computed_cost_usd: 0.5 }),
        attempt({ time_seconds: 100 }),
      ]),
    )
    expect(readValue(text, `${NAME}_attempts_total`, { ...OLD, result: 'success' })).toBe(1)
    expect(readValue(text, `${NAME}_attempts_total`, { ...OLD, result: 'failure' })).toBe(1)
    expect(readValue(text, `${NAME}_attempt_cost_usd_total`, OLD)).toBe(0.75)
    const duration = `${NAME}_attempt_duration_seconds`
    expect(readValue(text, `${duration}_sum`, OLD)).toBe(3.1)
    expect(readValue(text, `${duration}_count`, OLD)).toBe(2)
    expect(['0.1', '1.6', '3.2', '+Inf'].map(le => readValue(text, `${duration}_bucket`, { ...OLD, le }))).toEqual([
      1, 1, 2, 2,
    ])
    expect(readValue(text, 'agent_performance_arms')).toBe(1)
    expect(readValue(text, 'agent_performance_arms_limit')).toBe(1000)
  })

  it('exposes both results from the first scrape on, with 0 for the one that has not occurred', async () => {
    const text = await scrape(tallyOf([attempt({ ...OLD, success: false })]))
    expect(readValue(text, `${NAME}_attempts_total`, { ...OLD, result: 'success' })).toBe(0)
  })

  it('has a separate series for any names', async () => {
    const arms = HOSTILE_NAMES.flatMap(experiment => HOSTILE_NAMES.map(variant => ({ experiment, variant })))
    const text = await scrape(tallyOf(arms.map(attempt)))
    const { samples } = readText(text).get(`${NAME}_attempts_total`)!
    const read = samples.filter(({ labels }) => labels.get('result') === 'success')
    expect(read.map(({ labels, value }) => [labels.get('experiment'), labels.get('variant'), value])).toEqual(
      arms.map(({ experiment, variant }) => [experiment, variant, 1]),
    )
  })

  it('is one of at most --max-arms', async () => {
    const tally = createTally({ maxKeys: 10, maxArms: 2, tiers: [] })
    for (const variant of ['a', 'b', 'c']) count(tally, attempt({ experiment: 'prompt', variant }))
    const text = await scrape(tally)
    expect(text.match(/^agent_experiment_attempt_cost_usd_total\{/gm)).toHaveLength(2)
    expect(readValue(text, 'agent_performance_arms')).toBe(2)
  })
})

describe('a comparison', () => {
  it('equals that of the API for any results', async () => {
    const arm = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => ({ attempts: a + b + 1, successes: a }))
    await fc.assert(
      fc.asyncProperty(fc.array(arm, { minLength: 1, maxLength: 4 }), async arms => {
        const tally = tallyOf(arms.flatMap((one, i) => armAttempts('prompt', `v${i}`, one.attempts, one.successes)))
        const report = experimentReport('prompt', tally.arms('prompt'))!
        const text = await scrape(tally)
        const ratio = report.sample_ratio!.p_value ?? undefined
        expect(readValue(text, `${NAME}_sample_ratio_p_value`, { experiment: 'prompt' })).toBe(ratio)
        const difference = `${NAME}_success_ratio_difference`
        expect(readText(text).get(difference)!.samples).toHaveLength(arms.length - 1)
        for (const { variant, baseline, difference_interval: interval, ...said } of report.comparisons) {
          const labels = { experiment: 'prompt', variant, baseline }
          expect(readValue(text, difference, labels)).toBe(said.difference / 100)
          expect(readValue(text, `${difference}_lower_bound`, labels)).toBe(interval.low / 100)
          expect(readValue(text, `${difference}_upper_bound`, labels)).toBe(interval.high / 100)
          expect(readValue(text, `${NAME}_e_value`, labels)).toBe(1 / said.p_value)
        }
      }),
      { numRuns: 60 },
    )
  })

  const repeated = (arm: typeof OLD, tasks: number): AgentAttempt[] =>
    Array.from({ length: 10 * tasks }, (_, i) => attempt({ ...arm, task_id: `${arm.variant} ${i % tasks}` }))
  const pending = (arm: typeof OLD, attempts: number): AgentAttempt[] =>
    Array.from({ length: attempts }, () => attempt({ ...arm, success: undefined }))

  it.each([
    ['attempts of one arm are pending', [...repeated(OLD, 20), ...repeated(NEW, 5), ...pending(NEW, 150)]],
    ['whole tasks were assigned', [...repeated(OLD, 20), ...repeated(NEW, 40)]],
  ])('has the sample ratio of the API where %s, and is no mismatch', async (_, attempts) => {
    const tally = tallyOf(attempts)
    const { p_value } = experimentReport('prompt', tally.arms('prompt'))!.sample_ratio!
    expect(p_value).toBeGreaterThan(0.001)
    expect(readValue(await scrape(tally), `${NAME}_sample_ratio_p_value`, { experiment: 'prompt' })).toBe(p_value)
  })

  it('is absent if there is nothing to compare, as is the sample ratio test if there are too few attempts', async () => {
    const text = await scrape(tallyOf([attempt(OLD)]))
    expect(text).not.toMatch(/NaN|Infinity/)
    expect(readText(text).get(`${NAME}_e_value`)!.samples).toEqual([])
    expect(readText(text).get(`${NAME}_sample_ratio_p_value`)!.samples).toEqual([])
  })

  it('with unlimited evidence is a finite number', async () => {
    const tally = tallyOf([...armAttempts('prompt', 'old', 3000, 5), ...armAttempts('prompt', 'new', 3000, 2995)])
    const e = readValue(await scrape(tally), `${NAME}_e_value`, COMPARED)!
    expect(e).toBeGreaterThan(1e300)
    expect(e).toBeLessThan(Number.POSITIVE_INFINITY)
  })

  it('changes with every attempt, and is removed with them', async () => {
    const tally = tallyOf([...armAttempts('prompt', 'old', 10, 5), ...armAttempts('prompt', 'new', 9, 5)])
    const exposition = createExposition(sourcesOf(tally))
    const read = async (): Promise<number | undefined> =>
      readValue(await textOf(exposition), `${NAME}_success_ratio_difference`, COMPARED)
    expect(await read()).toBeCloseTo(5 / 9 - 0.5)
    count(tally, attempt({ ...NEW, success: false }))
    expect(await read()).toBeCloseTo(0)
    expect(await read()).toBeCloseTo(0)
    count(tally, attempt({ ...OLD, success: false }))
    expect(await read()).toBeCloseTo(0.5 - 5 / 11)
    tally.clear()
    for (const one of [...armAttempts('prompt', 'old', 10, 0), ...armAttempts('prompt', 'new', 10, 10)])
      count(tally, one)
    expect(await read()).toBe(1)
    tally.clear()
    expect(await read()).toBeUndefined()
  })
})

it('a scrape of a thousand changed arms yields to the event loop', async () => {
  const arms = Array.from({ length: 1000 }, (_, i) => armAttempts('prompt', `v${i}`, 5 + (i % 20), i % 6))
  const exposition = createExposition(sourcesOf(tallyOf(arms.flat())))
  let turns = 0
  let reading = true
  const turn = (): void => {
    turns++
    if (reading) setImmediate(turn)
  }
  setImmediate(turn)
  await exposition.scrape()
  expect(turns).toBeGreaterThanOrEqual(49)
  const chunks = await chunksOf(exposition)
  reading = false
  expect(turns).toBeGreaterThanOrEqual(49 + chunks.length - 1)
  expect(Math.max(...chunks.map(chunk => chunk.length))).toBeLessThan(256 * 1024)
})
