/** The SQL examples of docs/storage.md give what the sidecar answers, also after a reset and with repeated ids. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type TestContext, test } from 'vitest'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { missingPostgres, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

const DAY_MS = 86_400_000
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS

type SqlRow = Readonly<Record<string, string | number | null>>

/** The statements of a section that ask something. */
function examplesOf(section: string): string[] {
  const page = readFileSync(new URL('../../docs/storage.md', import.meta.url), 'utf8')
  const text = page.split(/^### /m).find(part => part.startsWith(`${section}\n`)) ?? ''
  const blocks = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, block]) => block!)
  return blocks.flatMap(block => block.split(/;\n/)).filter(statement => statement.trimStart().startsWith('select'))
}

function attemptsOf(count: number): NewAttempt[] {
  return Array.from({ length: count }, (_, i) => ({
    agent_name: `agent ${i % 2}`,
    model_name: `model:${i % 3}`,
    issue_type: i % 5 === 0 ? 'bug' : 'it\'s "new"',
    success: i % 4 !== 0,
    confidence: (i % 8) / 8,
    time_seconds: i / 4,
    cost_usd: i / 16,
    timestamp: new Date(TODAY - 1 - i * 3_600_000).toISOString(),
    attempt_id: `id ${i}`,
    ...(i % 3 === 0 && { experiment: 'prompt', variant: i % 2 === 0 ? 'long' : 'short' }),
  }))
}

/** Records attempts that a reset forgets, others, and some of them again. */
async function openWithAttempts(target: string): Promise<AgentPerformanceTracker> {
  const tracker = new AgentPerformanceTracker({ store: await openStore(target) })
  await tracker.recordAttempts(attemptsOf(7).map(one => ({ ...one, attempt_id: `old ${one.attempt_id}` })))
  await tracker.resetMetrics()
  await tracker.recordAttempts(attemptsOf(40))
  await tracker.recordAttempts(attemptsOf(50))
  return tracker
}

/** Compares the rows of all examples with the answers of the tracker. */
async function expectSameAnswers(
  tracker: AgentPerformanceTracker,
  section: string,
  run: (sql: string) => readonly SqlRow[],
): Promise<void> {
  const examples = examplesOf(section)
  expect(examples).toHaveLength(5)
  const [keys, models, costs, variants, days] = examples.map(run)
  const close = (value: unknown): unknown => expect.closeTo(Number(value), 6)

  const rates = await tracker.ask('success-rate', {})
  if (!('success_rates' in rates)) throw new Error('one rate instead of one for each key')
  const names = ({ agent_name, model_name, issue_type }: SqlRow): string => `${agent_name}:${model_name}:${issue_type}`
  expect(Object.fromEntries(keys!.map(row => [names(row), Number(row.success_rate)]))).toEqual(
    Object.fromEntries(Object.entries(rates.success_rates).map(([key, rate]) => [key, close(rate)])),
  )
  const compared = await tracker.ask('model-comparison', { min_attempts: 1 })
  for (const { model_name, total_attempts, success_rate, avg_time_seconds } of models!)
    expect(compared[String(model_name)]).toMatchObject({
      total_attempts: Number(total_attempts),
      avg_success_rate: close(success_rate),
      avg_time_seconds: close(avg_time_seconds),
    })
  expect(models).toHaveLength(Object.keys(compared).filter(name => name !== 'range' && name !== 'as_of').length)
  const { by_agent } = await tracker.ask('costs', {})
  for (const { agent_name, total_cost_usd, cost_per_success } of costs!)
    expect(by_agent[String(agent_name)]).toMatchObject({
      total_cost_usd: close(total_cost_usd),
      cost_per_success: { cost_usd: close(cost_per_success) },
    })
  expect(costs).toHaveLength(2)
  const experiment = await tracker.ask('experiments/{name}', { name: 'prompt' })
  expect(variants!.map(row => [row.variant, Number(row.total_attempts), close(row.success_rate)]).toSorted()).toEqual(
    experiment!.variants.map(one => [one.variant, one.total_attempts, one.success_rate]).toSorted(),
  )
  const since = new Date(TODAY - 3 * DAY_MS).toISOString()
  const { points } = await tracker.ask('trends', { since, until: new Date(TODAY).toISOString(), interval: '1d' })
  expect(days!.map(({ day, total_attempts }) => [String(day).slice(0, 10), Number(total_attempts)])).toEqual(
    points.map(point => [point.since.slice(0, 10), point.total_attempts]),
  )
  expect(days!.map(({ success_rate }) => Number(success_rate))).toEqual(points.map(one => close(one.success_rate)))
}

test('psql gives the answers of the sidecar to the examples for PostgreSQL', async (context: TestContext) => {
  const missing = missingPostgres()
  if (missing !== undefined) context.skip(missing)
  needs('psql', context)
  await using server = await startPostgres({})
  const tracker = await openWithAttempts(server.url)
  await expectSameAnswers(tracker, 'PostgreSQL', sql => {
    const text = `select coalesce(json_agg(example), '[]') from (${sql}) as example`
    return JSON.parse(
      execFileSync('psql', ['-X', '-A', '-t', '-c', text, server.url], { encoding: 'utf8' }),
    ) as SqlRow[]
  })
  await tracker.close()
})

test('sqlite3 gives the answers of the sidecar to the examples for SQLite, while it runs', async (context: TestContext) => {
  needs('sqlite3', context)
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'attempts.db')
  const tracker = await openWithAttempts(`sqlite:${path}`)
  await expectSameAnswers(
    tracker,
    'SQLite',
    sql => JSON.parse(execFileSync('sqlite3', ['-json', '-readonly', path, sql], { encoding: 'utf8' })) as SqlRow[],
  )
  await tracker.close()
})
