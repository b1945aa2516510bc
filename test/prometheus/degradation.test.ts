/**
 * An agent gets worse: the test posts attempts to a sidecar, Prometheus scrapes it and evaluates the committed rules, and Alertmanager
 * delivers to a webhook. Intervals and `for` are shortened to seconds; ranges and thresholds are unchanged.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { PROMETHEUS } from './rule-files.ts'
import { copyConfiguration, type Delivered, openAlertmanager, openPrometheus, openWebhook } from './servers.ts'

const PATIENCE = { timeout: 45_000, interval: 200 }
const RECORDS = 'records'
const READS = 'reads'

const SHORTER = [
  [/scrape_interval: 15s/g, 'scrape_interval: 1s'],
  [/scrape_timeout: 10s/g, 'scrape_timeout: 1s'],
  [/evaluation_interval: 30s/g, 'evaluation_interval: 1s'],
  [/^( +interval): \d+[sm]$/gm, '$1: 1s'],
  [/^( +for): \d+[mh]$/gm, '$1: 2s'],
] as const

it('the webhook receives a failing agent, a declining agent and a worse variant, and no healthy one', async context => {
  needs('prometheus', context)
  needs('prometheus-alertmanager', context)
  await using folder = await temporaryFolder()
  const tokens = await tokenFiles(folder.path)
  await using webhook = await openWebhook()
  await using alertmanager = await openAlertmanager(folder.path, await shortAlertmanager(webhook.url, tokens.webhook))
  const store = join(folder.path, 'agent_performance.json')
  await using sidecar = await startSidecarProcess(store, { args: ['--auth-token-file', tokens.sidecar] })
  const targets = { sidecar: new URL(sidecar.url).host, alertmanager: new URL(alertmanager.url).host }
  await copyConfiguration(folder.path, { ...targets, tokenFile: tokens.prometheus, replace: SHORTER })
  await using prometheus = await openPrometheus(folder.path)

  await post(sidecar.url, 'steady', 60, i => i % 10 !== 0)
  await post(sidecar.url, 'declining', 60, i => i % 10 !== 0)
  await post(sidecar.url, 'broken', 10, () => true)
  for (const arm of [...PROMPT, ...SAME]) await post(sidecar.url, 'steady', 10, i => i % 10 !== 0, arm)
  await expect.poll(() => prometheus.query('agent_attempts_total{result="success"} > 0'), PATIENCE).toHaveLength(3)
  // With such a short `for`, SidecarMissing fires before the first scrape.
  await expect.poll(() => prometheus.query('ALERTS'), PATIENCE).toEqual([])

  const since = Date.now()
  await post(sidecar.url, 'steady', 60, i => i % 10 !== 0)
  await post(sidecar.url, 'declining', 60, i => i % 2 === 0)
  await post(sidecar.url, 'broken', 200, () => false)
  for (const arm of [PROMPT[0], ...SAME]) await post(sidecar.url, 'steady', 60, i => i % 10 !== 0, arm)
  await post(sidecar.url, 'experimenter', 60, i => i % 5 === 0, PROMPT[1])
  const told = (agent: string, alert: string): Delivered | undefined =>
    webhook.delivered.find(({ labels }) => labels.agent_name === agent && labels.alertname === alert)
  await expect.poll(() => told('broken', 'AgentMissesTarget')?.labels.severity, PATIENCE).toBe('critical')
  await expect.poll(() => told('declining', 'AgentSuccessDrift')?.labels.severity, PATIENCE).toBe('warning')
  const ofExperiments = (): readonly Delivered[] => webhook.delivered.filter(({ labels }) => labels.experiment)
  await expect.poll(() => ofExperiments().length, PATIENCE).toBeGreaterThan(0)

  const critical = told('broken', 'AgentMissesTarget')!
  expect(critical.annotations.description).toMatch(
    /^(9[\d.]+|100)% of the attempts of broken failed in the last hour\.$/,
  )
  expect(critical.authorization).toBe('Bearer opens-the-webhook')
  expect(webhook.delivered.filter(({ labels }) => labels.agent_name === 'steady')).toEqual([])
  const worse = { alertname: 'ExperimentVariantWorse', severity: 'warning', ...PROMPT[1], baseline: 'long' }
  for (const { labels } of ofExperiments()) expect(labels).toMatchObject(worse)
  for (const { labels, atMs } of [critical, told('declining', 'AgentSuccessDrift')!, ofExperiments()[0]!]) {
    const seconds = ((atMs - since) / 1000).toFixed(1)
    process.stdout.write(
      `${labels.alertname} of ${labels.agent_name ?? labels.variant} was delivered ${seconds} s after it got worse\n`,
    )
  }

  await sidecar.stop()
  const down = Date.now()
  const isDown = (): Delivered | undefined => webhook.delivered.find(({ labels }) => labels.alertname === 'SidecarDown')
  await expect.poll(() => isDown()?.labels.severity, PATIENCE).toBe('critical')
  process.stdout.write(`SidecarDown was delivered ${((isDown()!.atMs - down) / 1000).toFixed(1)} s after it stopped\n`)
}, 150_000)

it('Alertmanager inhibits alerts that follow from a worse one', async context => {
  needs('prometheus-alertmanager', context)
  await using folder = await temporaryFolder()
  const tokens = await tokenFiles(folder.path)
  await using webhook = await openWebhook()
  await using alertmanager = await openAlertmanager(folder.path, await shortAlertmanager(webhook.url, tokens.webhook))
  const one = { job: 'j', instance: 'one' }
  const worse = [
    { alertname: 'AgentSilent', severity: 'warning', agent_name: 'sent by the sidecar' },
    { alertname: 'SidecarDown', severity: 'critical', ...one },
    { alertname: 'AgentMissesTarget', severity: 'critical', span: '1h', job: 'j', agent_name: 'broken' },
    { alertname: 'ExperimentSampleRatioMismatch', severity: 'warning', job: 'j', experiment: 'prompt' },
  ]
  const quiet = [
    { alertname: 'AgentSilent', severity: 'warning', job: 'j', agent_name: 'fixer' },
    { alertname: 'AgentSilent', severity: 'warning', job: 'another', agent_name: 'sent by the sidecar' },
    { alertname: 'SidecarRestarting', severity: 'warning', ...one },
    { alertname: 'AgentMissesTarget', severity: 'warning', span: '3d', job: 'j', agent_name: 'broken' },
    { alertname: 'AgentSuccessRateDropped', severity: 'warning', job: 'j', agent_name: 'broken' },
    { alertname: 'ExperimentVariantWorse', severity: 'warning', job: 'j', experiment: 'prompt', variant: 'short' },
  ]
  const loud = [
    { alertname: 'AgentSilent', severity: 'warning', job: 'another', agent_name: 'fixer' },
    { alertname: 'SidecarRestarting', severity: 'warning', job: 'j', instance: 'two' },
    { alertname: 'AgentSuccessRateDropped', severity: 'warning', job: 'j', agent_name: 'other' },
    { alertname: 'AgentSlower', severity: 'warning', job: 'j', agent_name: 'broken' },
    { alertname: 'ExperimentVariantWorse', severity: 'warning', job: 'j', experiment: 'model', variant: 'short' },
  ]
  const send = (alerts: readonly Record<string, string>[]): Promise<Response> =>
    fetch(`${alertmanager.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(alerts.map(labels => ({ labels }))),
    })
  await send([...worse, ...quiet, ...loud])
  await expect.poll(() => webhook.delivered.length, PATIENCE).toBe(worse.length + loud.length)

  const answer = await fetch(`${alertmanager.url}/api/v2/alerts`)
  const known = (await answer.json()) as { labels: Record<string, string>; status: { inhibitedBy: string[] } }[]
  const inhibited = known.filter(({ status }) => status.inhibitedBy.length > 0).map(({ labels }) => labels)
  expect(inhibited).toHaveLength(quiet.length)
  expect(inhibited).toEqual(expect.arrayContaining(quiet))
})

/** One experiment in which a variant gets worse, and one without a difference. */
const PROMPT = [
  { experiment: 'prompt', variant: 'long' },
  { experiment: 'prompt', variant: 'short' },
] as const
const SAME = [
  { experiment: 'same', variant: 'one' },
  { experiment: 'same', variant: 'other' },
] as const

/** Attempts of one key, in order; `success` by the attempt's index. */
async function post(
  url: string,
  agent_name: string,
  count: number,
  success: (i: number) => boolean,
  arm: object = {},
): Promise<void> {
  const attempts = Array.from({ length: count }, (_, i) => ({
    agent_name,
    model_name: 'model',
    issue_type: 'complexity',
    success: success(i),
    time_seconds: 2,
    ...arm,
  }))
  const answer = await fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${RECORDS}` },
    body: JSON.stringify(attempts),
  })
  expect(answer.status).toBe(200)
}

/** The token files, as the containers mount them. */
async function tokenFiles(folder: string): Promise<{ sidecar: string; prometheus: string; webhook: string }> {
  const files = { sidecar: join(folder, 'tokens'), prometheus: join(folder, 'read'), webhook: join(folder, 'webhook') }
  await writeFile(files.sidecar, `${READS} read\n${RECORDS} ingest,read\n`)
  await writeFile(files.prometheus, `${READS}\n`)
  await writeFile(files.webhook, 'opens-the-webhook\n')
  return files
}

/** The committed configuration with the test's webhook, and a group_wait of one second instead of 10 or 30. */
async function shortAlertmanager(webhook: string, tokenFile: string): Promise<string> {
  const config = await readFile(new URL('alertmanager.yml', PROMETHEUS), 'utf8')
  return config
    .replace('http://alerts.example.internal/alerts', webhook)
    .replace('/run/secrets/alert_webhook_token', tokenFile)
    .replaceAll(/group_wait: \d+s/g, 'group_wait: 1s')
    .replaceAll(/group_interval: \d+m/g, 'group_interval: 1s')
}
