import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openReceiver } from '../notify/receiver.ts'
import { makeCertificate } from '../support/certificate.ts'
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

test('alerts test names each sink that was not notified, the cause, and what to do about it', async () => {
  await using receiver = await openReceiver()
  await using unauthorized = await openReceiver()
  await using missing = await openReceiver()
  unauthorized.answer = { status: 401, text: 'bad token' }
  missing.answer = { status: 404, text: 'page not found' }
  const certificate = makeCertificate(folder)
  const untrusted = createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) })
  const tlsPort = await listening(untrusted)
  const closed = createServer()
  const closedPort = await listening(closed)
  await closing(closed)
  const webhooks = {
    unknown: 'http://no-such-host.invalid/hook',
    refused: `http://127.0.0.1:${closedPort}/`,
    untrusted: `https://localhost:${tlsPort}/`,
    plain: receiver.url.replace('http:', 'https:'),
    unauthorized: unauthorized.url,
    missing: missing.url,
  }
  const sinks = Object.entries(webhooks).map(([name, url]) => ({ type: 'webhook', name, url }))
  const config = join(folder, 'causes.yaml')
  writeFileSync(config, JSON.stringify({ alerts: { sinks } }))
  const { exitCode, stdout } = await runCommand(['alerts', 'test', '--config', config])
  await closing(untrusted)
  expect(exitCode).toBe(1)
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^unknown \(webhook\): failed: .*(ENOTFOUND|EAI_AGAIN).*\. .*DNS/),
    expect.stringMatching(
      /^refused \(webhook\): failed: .*ECONNREFUSED.*\. Nothing listens there: check that the sink runs/,
    ),
    expect.stringMatching(/^untrusted \(webhook\): failed: .*certificate.*\. .*NODE_EXTRA_CA_CERTS/),
    'plain (webhook): failed: TLS: wrong version number. TLS failed: check whether the sink speaks https on this port, or needs http in the URL.',
    'unauthorized (webhook): failed: 401 bad token. Check that token_file holds a token that the sink accepts, or that the URL holds a valid secret.',
    'missing (webhook): failed: 404 page not found. Check the path of the URL. That of an Alertmanager is given without /api/v2/alerts.',
  ])
})

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function closing(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
