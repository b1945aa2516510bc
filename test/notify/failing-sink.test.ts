/** A sink that fails makes the sidecar neither unready nor slow to record, and shows in its metrics and its log until it works again. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { startSidecar } from '../../src/sidecar.ts'
import { anAttempt, capturedLog } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { openReceiver } from './receiver.ts'

const PATIENCE = { timeout: 30_000, interval: 50 }

test('while a sink fails, the sidecar is ready and records; metrics, log and /api/v1/alerts show what it did not receive', async () => {
  await using folder = await temporaryFolder()
  await using failing = await openReceiver()
  await using working = await openReceiver()
  failing.answer = { status: 401, text: 'bad token' }
  const configFile = join(folder.path, 'config.yaml')
  const sinks = [
    { type: 'webhook', name: 'failing', url: failing.url },
    { type: 'webhook', name: 'working', url: working.url },
  ]
  const targets = [{ agent_name: 'a', min_success_rate: 80 }]
  await writeFile(configFile, JSON.stringify({ alerts: { interval: '1s', targets, sinks } }))
  const store = join(folder.path, 'perf.json')
  const { config } = loadConfig({ flags: { listen: '127.0.0.1:0', store }, env: {}, configFile })
  const { log, lines } = capturedLog()
  const sidecar = await startSidecar(config, log)
  const get = (path: string): Promise<Response> => fetch(sidecar.url + path)
  const post = (attempts: readonly object[]): Promise<Response> =>
    fetch(`${sidecar.url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(attempts),
    })
  const metric = async (name: string): Promise<number> => {
    const text = await (await get('/metrics')).text()
    return Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')[1],
    )
  }
  const failed = (): Promise<number> => metric('agent_performance_notifications_total{sink="failing",result="failed"}')
  const pending = (): Promise<number> => metric('agent_performance_notifications_pending{sink="failing"}')
  try {
    expect((await post(Array.from({ length: 40 }, () => anAttempt({ success: false })))).status).toBe(200)
    await expect.poll(failed, PATIENCE).toBeGreaterThan(0)
    await expect.poll(() => working.received.length, PATIENCE).toBe(1)
    expect(await pending()).toBe(1)
    expect((await get('/readyz')).status).toBe(200)
    expect(await (await get('/readyz?verbose')).text()).not.toContain('failing')
    expect((await post([anAttempt({ success: false })])).status).toBe(200)
    // What it did not receive still fires.
    const { alerts } = (await (await get('/api/v1/alerts')).json()) as { alerts: { rule: string; state: string }[] }
    expect(alerts).toMatchObject([{ rule: 'AgentMissesTarget', state: 'firing' }])
    const warnings = lines.filter(line => line.sink === 'failing')
    expect(warnings).toMatchObject([
      { level: 'warn', reason: '401 bad token', remedy: expect.stringContaining('token_file') },
    ])

    failing.answer = { status: 200 }
    await expect.poll(pending, PATIENCE).toBe(0)
    expect(failing.received.at(-1)!.body.status).toBe('firing')
    expect(working.received).toHaveLength(1)
  } finally {
    await sidecar.close()
  }
})
