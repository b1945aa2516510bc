/** What several sidecars that share a store expose at /metrics. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readText } from '../expose/text-format.ts'
import { missingPostgres, startPostgres } from '../support/postgres.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const SELF = /^(# \w+ )?agent_performance_/

async function scrape({ get }: TestSidecar): Promise<string> {
  return (await get('/metrics')).text()
}

/** The lines about agents and experiments. */
async function facts(sidecar: TestSidecar): Promise<string> {
  return (await scrape(sidecar))
    .split('\n')
    .filter(line => !SELF.test(line))
    .join('\n')
}

async function counted(sidecar: TestSidecar): Promise<number> {
  const samples = readText(await scrape(sidecar)).get('agent_attempts_total')?.samples ?? []
  return samples.reduce((sum, { value }) => sum + value, 0)
}

/** A metric of the sidecar without labels, or the label `store` of one with. */
async function self(sidecar: TestSidecar, name: string): Promise<number | string | undefined> {
  const sample = readText(await scrape(sidecar)).get(`agent_performance_${name}`)?.samples[0]
  return sample?.labels.get('store') ?? sample?.value
}

/** Attempts with every field that metrics count: both sidecars get some of each key and arm. */
function attempts(count: number, of: string): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) =>
    anAttempt({
      agent_name: `agent ${i % 3}`,
      model_name: i % 2 === 0 ? 'large' : 'small',
      success: i % 4 !== 0,
      confidence: (i % 10) / 10,
      time_seconds: i + 0.25,
      input_tokens: i,
      cost_usd: i / 7,
      attempt_id: `${of} ${i}`,
      ...(i % 2 === 0 && { experiment: 'prompt', variant: i % 4 === 0 ? 'long' : 'short' }),
    }),
  )
}

async function expectEqual(store: string): Promise<void> {
  await using first = await testSidecar({ store })
  await using second = await testSidecar({ store, 'max-keys': 7 })
  await Promise.all([first.post(attempts(100, 'first')), second.post(attempts(60, 'second'))])
  // What one has is a repeat at the other, and counts nowhere.
  await second.post(attempts(20, 'first'))
  await expect.poll(() => counted(first)).toBe(160)
  const expected = await facts(first)
  expect(expected).toContain('agent_experiment_e_value{')
  await expect.poll(() => facts(second)).toBe(expected)

  // A third that starts late shows the same from its first scrape on.
  await using third = await testSidecar({ store })
  expect(await facts(third)).toBe(expected)

  const names = await Promise.all([first, second, third].map(one => self(one, 'store_info')))
  expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), names[0], names[0]])
  // The limits are those of the store. The settings of the second sidecar do not count.
  expect(await self(second, 'keys_limit')).toBe(10_000)
  expect(await self(second, 'attempts_accepted_total')).toBe(60)
}

test('two sidecars on one SQLite file expose the same metrics but for those about themselves', async () => {
  await using folder = await temporaryFolder()
  await expectEqual(`sqlite:${join(folder.path, 'attempts.db')}`)
})

describe('with PostgreSQL', () => {
  const missing = missingPostgres()
  test('two sidecars on one database expose the same metrics but for those about themselves', async context => {
    if (missing !== undefined) return context.skip(missing)
    await using server = await startPostgres()
    await expectEqual(`${server.url}?schema=metrics_${process.pid}`)
  })
})

test('two stores have different names, a reset keeps the name, and a store of one sidecar has none', async () => {
  await using folder = await temporaryFolder()
  await using one = await testSidecar({ store: `sqlite:${join(folder.path, 'one.db')}` })
  await using other = await testSidecar({ store: `sqlite:${join(folder.path, 'other.db')}` })
  await using file = await testSidecar()
  const name = await self(one, 'store_info')
  expect(await self(other, 'store_info')).not.toBe(name)
  await one.sidecar.tracker.resetMetrics()
  expect(await self(one, 'store_info')).toBe(name)
  expect(await self(file, 'store_info')).toBeUndefined()
})
