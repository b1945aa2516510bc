/** Outcomes from the library: delivered behind their attempts, kept over a crash, and never thrown. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClient, createInstrumentation, type Outcome, type Problem } from '../../src/index.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { collecting } from './collecting.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar()
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const labels = { model_name: 'm', issue_type: 'i' }
const attempt = (agent_name: string, attempt_id: string) => ({
  ...labels,
  agent_name,
  attempt_id,
  success: true,
  time_seconds: 1,
})

async function listed(agent_name: string): Promise<{ readonly outcomes?: readonly Outcome[] }> {
  const query = new URLSearchParams({ agent_name, with_outcomes: 'true', order: 'oldest' })
  return (await (await sidecar.get(`/api/v1/attempts?${query}`)).json()) as { outcomes?: Outcome[] }
}

test('an outcome is delivered behind the attempts that were recorded before it, with the time of the call', async () => {
  const { recordAttempt, recordOutcome, deliverTo } = createInstrumentation()
  const delivery = deliverTo(sidecar.url, { maxBatch: 2 })
  const fromMs = Date.now()
  for (const id of ['1', '2', '3']) {
    recordAttempt(attempt('ordered', id))
    recordOutcome(id, { success: id !== '2', source: 'ci', note: `run ${id}` })
  }
  recordOutcome('1', { success: false, source: 'review', timestamp: '2026-03-01T12:00:00+01:00' })
  expect(await delivery.close()).toBe(true)
  expect(delivery.stats()).toMatchObject({ delivered: 7, queued: 0, failures: 0 })
  const { outcomes = [] } = await listed('ordered')
  expect(outcomes.map(({ attempt_id, success, note }) => [attempt_id, success, note])).toEqual([
    ['1', true, 'run 1'],
    ['2', false, 'run 2'],
    ['3', true, 'run 3'],
    ['1', false, undefined],
  ])
  const [first, , , last] = outcomes.map(({ timestamp }) => Date.parse(timestamp!))
  expect(first).toBeGreaterThanOrEqual(fromMs)
  expect(last).toBe(Date.parse('2026-03-01T11:00:00Z'))
})

test('an outcome of an attempt that the sidecar does not have is dropped, counted and said', async () => {
  const problems: Problem[] = []
  const { recordOutcome, deliverTo } = createInstrumentation({ onProblem: problem => problems.push(problem) })
  const delivery = deliverTo(sidecar.url)
  recordOutcome('id of none', { success: true, source: 'ci' })
  expect(await delivery.close()).toBe(true)
  expect(delivery.stats()).toMatchObject({ delivered: 0, dropped: { rejected: 1 } })
  expect(problems[0]).toMatchObject({
    source: 'delivery',
    message: expect.stringContaining('no attempt has the id "id of none"'),
  })
})

test.each([
  ['no object', undefined],
  ['no result', { source: 'ci' }],
  [
    'a getter that throws',
    {
      source: 'ci',
      get success(): boolean {
        throw new Error('no')
      },
    },
  ],
  ['an empty source', { success: true, source: '' }],
  ['an unknown field', { success: true, source: 'ci', extra: 1 }],
])('something that is no outcome (%s) is counted, and nothing is thrown or delivered', (_, given) => {
  const { instrumentation, outcomes } = collecting()
  instrumentation.recordOutcome('1', given as never)
  instrumentation.recordOutcome(undefined as never, { success: true, source: 'ci' })
  expect(outcomes).toEqual([])
  expect(instrumentation.problems().attempt).toBeGreaterThanOrEqual(2)
})

test('outcomes that a killed process left in the spool are delivered by the next one', async () => {
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'outcomes-spool-'))
  const onProblem = (): void => {}
  const before = createInstrumentation({ onProblem })
  const lost = before.deliverTo('http://127.0.0.1:1', { spoolDirectory })
  before.recordAttempt(attempt('spooled', 's 1'))
  before.recordOutcome('s 1', { success: false, source: 'ci' })
  before.recordOutcome('s 1', { success: false, source: 'review' })
  expect(await lost.close(0)).toBe(false)
  expect(lost.stats()).toMatchObject({ spooled: 3 })
  const after = createInstrumentation({ onProblem }).deliverTo(sidecar.url, { spoolDirectory })
  await vi.waitUntil(async () => (await listed('spooled')).outcomes?.length === 2, { timeout: 10_000, interval: 20 })
  expect(await after.close()).toBe(true)
  expect(readdirSync(spoolDirectory)).toEqual([])
  rmSync(spoolDirectory, { recursive: true })
})

test('a tracker in the same process takes outcomes too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outcomes-tracker-'))
  const tracker = new AgentPerformanceTracker(join(folder, 'perf.json'))
  const { recordAttempt, recordOutcome, deliverTo } = createInstrumentation()
  const delivery = deliverTo(tracker)
  recordAttempt(attempt('a', '1'))
  recordOutcome('1', { success: false, source: 'ci' })
  expect(await delivery.close()).toBe(true)
  expect(await tracker.getSuccessRate({ ...labels, agent_name: 'a' })).toBe(0)
  await tracker.close()
  rmSync(folder, { recursive: true })
})

describe('the client', () => {
  test('records outcomes, and says what became of each', async () => {
    const client = createClient(sidecar.url)
    await client.recordAttempts([attempt('client', 'c 1')])
    const sent = [
      { attempt_id: 'c 1', success: false, source: 'ci' },
      { attempt_id: 'c 2', success: false, source: 'ci' },
      { attempt_id: 'c 1', success: false, source: '' },
    ]
    expect(await client.recordOutcomes(sent)).toMatchObject({
      accepted: 1,
      duplicates: 0,
      unknown: ['c 2'],
      rejected: [{ index: 2 }],
    })
  })
})
