/** Outcomes while the shared store is away: refused with a time to send them again, and lost by no sender. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { createInstrumentation, type Outcome } from '../../src/index.ts'
import { startCommand } from '../command/run-command.ts'
import { startProxy } from '../support/proxy.ts'
import { missingRedis, startRedis } from '../support/redis.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'

const OUTCOMES = '/api/v1/outcomes'
const outcome = (attempt_id: string): Outcome => ({ attempt_id, success: false, source: 'ci' })

/** The outcome as the event `gen_ai.evaluation.result`, behind a new attempt. */
function exported(attempt_id: string, next: string): object {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const labels = [attribute('agent_name', 'otel'), attribute('attempt_id', next)]
  const evaluation = [attribute('agent.attempt.id', attempt_id), attribute('gen_ai.evaluation.name', 'ci')]
  const logRecords = [
    {
      eventName: 'agent.attempt',
      attributes: [...labels, { key: 'success', value: { boolValue: true } }],
    },
    {
      eventName: 'gen_ai.evaluation.result',
      attributes: [...evaluation, attribute('gen_ai.evaluation.score.label', 'fail')],
    },
  ]
  return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }
}

test('while the shared store is away, outcomes are refused with a time to send them again, and each counts once when it is back', async context => {
  const missing = missingRedis()
  if (missing !== undefined) context.skip(missing)
  await using server = await startRedis()
  await using proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
  const folder = mkdtempSync(join(tmpdir(), 'outcomes-away-'))
  const store = `redis://127.0.0.1:${proxy.port}`
  await using sidecar = await testSidecar({ store, spool: `${join(folder, 'sidecar')}/` })
  const ids = ['http', 'lines', 'otlp', 'library', 'command']
  await sidecar.post(ids.map(attempt_id => anAttempt({ attempt_id })))

  proxy.refuse()
  const send = (body: unknown, path = OUTCOMES) => sidecar.post(body, { path })
  const lines = () =>
    sidecar.post(`${JSON.stringify(outcome('lines'))}\n`, {
      path: OUTCOMES,
      headers: { 'Content-Type': 'application/x-ndjson' },
    })
  const otlp = () => send(exported('otlp', 'otlp 2'), '/v1/logs')
  const refused = [await send(outcome('http')), await lines(), await otlp()]
  for (const answer of refused) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)])
    expect(await answer.text()).toMatch(/outcomes cannot be recorded now, send them again: \S/)
  }

  const spoolDirectory = join(folder, 'library')
  const instrument = () => createInstrumentation({ onProblem: () => {} })
  const first = instrument()
  const killed = first.deliverTo(sidecar.url, { spoolDirectory, maxBatch: 1 })
  first.recordOutcome('library', { success: false, source: 'ci' })
  for (const id of ['1', '2']) first.recordAttempt({ ...anAttempt(), attempt_id: `late ${id}` } as never)
  // The sidecar takes attempts into its spool, and the outcome before them does not delay them.
  await vi.waitUntil(() => killed.stats().delivered === 2, { timeout: 20_000, interval: 20 })
  expect(await killed.close(0)).toBe(false)
  expect(killed.stats()).toMatchObject({ spooled: 1, dropped: { rejected: 0, queue_full: 0, closed: 0 } })
  const next = instrument().deliverTo(sidecar.url, { spoolDirectory })
  const args = ['outcome', '--url', sidecar.url, '--attempt-id', 'command', '--failure', '--source', 'ci']
  const command = startCommand(args)

  proxy.thaw()
  for (const repeat of [() => send(outcome('http')), lines, otlp])
    await vi.waitUntil(async () => (await repeat()).status === 200, { timeout: 20_000, interval: 50 })
  expect(await command.outcome).toMatchObject({ exitCode: 0, stdout: 'Recorded an outcome of command\n' })
  await vi.waitUntil(() => next.stats().delivered === 1, { timeout: 20_000, interval: 20 })
  const page = await (await sidecar.get('/api/v1/attempts?with_outcomes=true')).json()
  const { attempts, outcomes } = page as { attempts: { attempt_id: string }[]; outcomes: Outcome[] }
  expect(outcomes.map(({ attempt_id }) => attempt_id).sort()).toEqual(ids.toSorted())
  expect(attempts.map(({ attempt_id }) => attempt_id).sort()).toEqual([...ids, 'late 1', 'late 2', 'otlp 2'].sort())
  await next.close()
  expect(readdirSync(spoolDirectory)).toEqual([])
  rmSync(folder, { recursive: true })
})
