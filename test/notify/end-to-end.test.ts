/** An agent gets worse, in a sidecar without Prometheus: a real Alertmanager and a webhook are notified once, across a kill. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Delivered, openAlertmanager, openWebhook } from '../prometheus/servers.ts'
import { missingPostgres, startPostgres } from '../support/postgres.ts'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { openReceiver, type Receiver } from './receiver.ts'

const SENT = 'agent_performance_notifications_total{sink="webhook",result="sent"}'
const PATIENCE = { timeout: 45_000, interval: 100 }

const sidecars: SidecarProcess[] = []
afterAll(() => {
  for (const { process } of sidecars) process.kill('SIGKILL')
})

async function start(store: string, configFile: string): Promise<SidecarProcess> {
  const sidecar = await startSidecarProcess(store, { args: ['--config', configFile] })
  sidecars.push(sidecar)
  return sidecar
}

/** The section of the settings: one rule, so that each alert is expected. */
const alerts = (sinks: readonly object[]): object => ({
  interval: '1s',
  targets: [{ agent_name: 'broken', min_success_rate: 80 }],
  rules: { AgentMissesTarget: { owner: 'team-a' }, AgentSuccessDrift: 'off', AgentSuccessRose: 'off' },
  sinks,
})

async function post(url: string, agent_name: string, successes: readonly boolean[]): Promise<void> {
  const attempts = successes.map(success => ({
    agent_name,
    model_name: 'm',
    issue_type: 'i',
    success,
    time_seconds: 1,
  }))
  const answer = await fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(attempts),
  })
  expect(answer.status).toBe(200)
}

const many = (success: boolean, count = 25): boolean[] => new Array<boolean>(count).fill(success)

const statuses = ({ received }: Receiver): string[] =>
  received.map(({ body }) => `${body.status} ${body.alerts[0].labels.agent_name}`)

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find(one => one.startsWith(name))
  return Number(line?.split(' ').at(-1))
}

test('an agent that gets worse reaches an Alertmanager and a webhook once, and its recovery does, with a kill between', async context => {
  needs('prometheus-alertmanager', context)
  await using folder = await temporaryFolder()
  await using webhook = await openReceiver()
  await using behind = await openWebhook()
  await using alertmanager = await openAlertmanager(folder.path, routing(behind.url))
  const config = join(folder.path, 'config.yaml')
  await writeFile(
    config,
    JSON.stringify({
      alerts: alerts([
        { type: 'alertmanager', url: alertmanager.url },
        { type: 'webhook', url: webhook.url },
      ]),
    }),
  )
  const store = join(folder.path, 'perf.json')
  const first = await start(store, config)
  await post(first.url, 'steady', many(true))
  await post(first.url, 'broken', many(true))
  await post(first.url, 'broken', many(false))
  await expect.poll(() => behind.delivered.length, PATIENCE).toBe(1)
  await expect.poll(() => statuses(webhook), PATIENCE).toEqual(['firing broken'])
  await expect.poll(() => metric(first.url, 'agent_performance_notifications_pending{sink="webhook"}')).toBe(0)
  const answer = await fetch(`${alertmanager.url}/api/v2/alerts`)
  const [known] = (await answer.json()) as [{ fingerprint: string; labels: object }]
  expect(known.labels).toEqual({
    alertname: 'AgentMissesTarget',
    agent_name: 'broken',
    severity: 'critical',
    owner: 'team-a',
  })
  expect(webhook.received[0]!.body.alerts[0].fingerprint).toBe(known.fingerprint)

  await first.stop('SIGKILL')
  const second = await start(store, config)
  await post(second.url, 'broken', many(true, 400))
  await expect.poll(() => statuses(webhook), PATIENCE).toEqual(['firing broken', 'resolved broken'])
  await expect
    .poll(() => behind.delivered.map((one: Delivered) => `${one.status} ${one.labels.agent_name}`), PATIENCE)
    .toEqual(['firing broken', 'resolved broken'])
  await expect.poll(() => metric(second.url, 'agent_performance_notifications_pending{sink="alertmanager"}')).toBe(0)
  await second.stop()
})

test('of two sidecars on one PostgreSQL one notifies, and the other does when it is killed', async context => {
  const missing = missingPostgres()
  if (missing !== undefined) return context.skip(missing)
  await using folder = await temporaryFolder()
  await using webhook = await openReceiver()
  await using postgres = await startPostgres()
  const config = join(folder.path, 'config.yaml')
  const section = alerts([{ type: 'webhook', url: webhook.url }])
  await writeFile(config, JSON.stringify({ 'spool-bytes': '0', alerts: section }))
  const both = await Promise.all([start(postgres.url, config), start(postgres.url, config)])
  await post(both[0].url, 'broken', many(false))
  await expect.poll(() => statuses(webhook), PATIENCE).toEqual(['firing broken'])
  const counts = (): Promise<number[]> => Promise.all(both.map(({ url }) => metric(url, SENT)))
  await expect.poll(async () => (await counts()).toSorted(), PATIENCE).toEqual([0, 1])
  const leader = (await counts()).indexOf(1) as 0 | 1
  await both[leader].stop('SIGKILL')
  const other = both[(1 - leader) as 0 | 1]
  await post(other.url, 'broken', many(true, 400))
  await expect.poll(() => statuses(webhook), PATIENCE).toEqual(['firing broken', 'resolved broken'])
  await other.stop()
}, 90_000)

function routing(webhook: string): string {
  return JSON.stringify({
    route: { receiver: 'webhook', group_by: ['...'], group_wait: '1s', group_interval: '1s' },
    receivers: [{ name: 'webhook', webhook_configs: [{ url: webhook }] }],
  })
}
