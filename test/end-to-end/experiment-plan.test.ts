/** A stored plan over the end of a process without a warning. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

test('a plan that was answered with 200 survives kill -9, and so does its removal', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'perf.json')
  const plan = { shares: { control: 90, canary: 10 }, baseline: 'canary', end: '2026-01-31T00:00:00.000Z' }
  for (const [body, expected] of [
    [plan, { intended_shares: plan.shares, end: plan.end }],
    [{}, { intended_shares: null, end: null }],
  ] as const) {
    await using first = await startSidecarProcess(store, { args: ['--admin'] })
    const headers = { 'Content-Type': 'application/json' }
    const attempt = anAttempt({ experiment: 'e', variant: 'canary', attempt_id: 'one' })
    await fetch(`${first.url}/api/v1/attempts`, { method: 'POST', headers, body: JSON.stringify(attempt) })
    const url = `${first.url}/api/v1/experiments/e`
    expect((await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })).status).toBe(200)
    expect(await first.stop('SIGKILL')).toBe('SIGKILL')
    await using second = await startSidecarProcess(store)
    expect(await (await fetch(`${second.url}/api/v1/experiments/e`)).json()).toMatchObject(expected)
    expect(await second.stop()).toBe(0)
  }
})
