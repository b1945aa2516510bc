import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openReceiver } from '../notify/receiver.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'alerts-test-'))

test('alerts test notifies each sink once, prints what happened per sink, and exits with 1 if one failed', async () => {
  await using receiver = await openReceiver()
  await using failing = await openReceiver()
  failing.answer = { status: 503, text: 'busy' }
  const config = join(folder, 'agents.yaml')
  const sinks = (types: readonly string[], url: string): object[] =>
    types.map(type => ({ type, name: `${type} ok`.replace(' ', '-'), url }))
  const section = (more: readonly object[]): string =>
    JSON.stringify({ alerts: { sinks: [...sinks(['alertmanager', 'webhook', 'slack'], receiver.url), ...more] } })

  writeFileSync(config, section([{ type: 'log' }]))
  const good = await runCommand(['alerts', 'test', '--config', config])
  expect(good).toMatchObject({
    exitCode: 0,
    stdout:
      'alertmanager-ok (alertmanager): sent\nwebhook-ok (webhook): sent\nslack-ok (slack): sent\nlog (log): sent\n',
  })
  expect(good.stderr).toContain('alert: This is a test')
  expect(receiver.received.map(({ path }) => path).sort()).toEqual(['/', '/', '/api/v2/alerts'])
  const alertnames = receiver.received.flatMap(({ body }) => body.alerts ?? []).map(one => one.labels.alertname)
  expect(alertnames).toEqual(['TestNotification'])

  writeFileSync(config, section([{ type: 'webhook', url: failing.url }]))
  const bad = await runCommand(['alerts', 'test', '--config', config, '--json'])
  expect(bad.exitCode).toBe(1)
  expect(JSON.parse(bad.stdout).at(-1)).toEqual({
    sink: 'webhook',
    type: 'webhook',
    status: 'failed',
    reason: '503 busy',
  })
  expect(failing.received).toHaveLength(1)
})

test('alerts test refuses settings that serve refuses', async () => {
  const config = join(folder, 'bad.yaml')
  writeFileSync(config, 'alerts: {sinks: [{type: pager}]}')
  expect(await runCommand(['alerts', 'test', '--config', config])).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('must be one of alertmanager, webhook, slack, log'),
  })
})
