/** The list of experiments, and how the comparison of one developed. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'

const DAY_MS = 86_400_000
const at = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY_MS).toISOString()

/** Ten attempts of each variant a day, over ten days. The canary succeeds more often. */
const ATTEMPTS = Array.from({ length: 200 }, (_, i) =>
  anAttempt({
    experiment: 'prompt',
    variant: i % 2 === 0 ? 'control' : 'canary',
    success: i % 2 === 0 ? i % 4 === 0 : i % 20 !== 1,
    timestamp: at(10 - Math.floor(i / 20)),
  }),
)

test('the history ends with the present comparison, and its intervals become narrower', async () => {
  await using sidecar = await testSidecar()
  const client = createClient(sidecar.url)
  await client.recordAttempts(ATTEMPTS as never)
  const { baseline, points } = await client.ask('experiments/{name}/history', { name: 'prompt' })
  const now = await client.experiment('prompt')
  expect(baseline).toBe('control')
  const { difference, difference_interval, p_value } = now!.comparisons[0]!
  expect(points.at(-1)?.comparisons).toEqual([
    expect.objectContaining({ variant: 'canary', difference, difference_interval, p_value, total_attempts: 200 }),
  ])
  const counts = points.flatMap(({ comparisons }) => comparisons.map(({ total_attempts }) => total_attempts))
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  expect(counts.length).toBeGreaterThan(5)
  const widths = points.flatMap(({ comparisons }) =>
    comparisons.map(({ difference_interval: { low, high } }) => high - low),
  )
  expect(widths.at(-1)).toBeLessThan(widths[0]! / 2)
})

test('a range and a stored end limit what the points count', async () => {
  await using sidecar = await testSidecar({ admin: true })
  const client = createClient(sidecar.url)
  await client.recordAttempts(ATTEMPTS as never)
  await client.putExperiment('prompt', { end: `${at(5.5).slice(0, 10)}T00:00:00Z` })
  const { points } = await client.ask('experiments/{name}/history', { name: 'prompt' })
  const now = await client.experiment('prompt')
  const counted = now!.variants.reduce((sum, { total_attempts }) => sum + total_attempts, 0)
  expect(points.at(-1)?.comparisons[0]?.total_attempts).toBe(counted)
  const ranged = await client.ask('experiments/{name}/history', { name: 'prompt', since: at(8.5).slice(0, 10) })
  const rangedNow = await client.experiment('prompt', { since: at(8.5).slice(0, 10) })
  expect(ranged.points.at(-1)?.comparisons[0]?.total_attempts).toBe(
    rangedNow!.variants.reduce((sum, { total_attempts }) => sum + total_attempts, 0),
  )
})

test('the list has every experiment with attempts or a plan, the latest first', async () => {
  await using sidecar = await testSidecar({ admin: true })
  const client = createClient(sidecar.url)
  expect(await client.ask('experiments', {})).toEqual({ experiments: [] })
  await client.recordAttempts([
    anAttempt({ experiment: 'old', variant: 'a', timestamp: at(2) }),
    anAttempt({ experiment: 'new', variant: 'b', timestamp: at(1) }),
    anAttempt({ experiment: 'new', variant: 'a', timestamp: at(1) }),
  ] as never)
  await client.putExperiment('planned', { baseline: 'control' })
  const { experiments } = await client.ask('experiments', {})
  expect(experiments.map(({ experiment, variants, total_attempts }) => [experiment, variants, total_attempts])).toEqual(
    [
      ['new', ['b', 'a'], 2],
      ['old', ['a'], 1],
      ['planned', [], 0],
    ],
  )
})
