/**
 * The sidecar's own alerts and the rules for Prometheus decide the same about the same attempts: a healthy agent, one that degrades, one that misses
 * its target and one that falls silent. Prometheus gets the series that rules/recording.yml would record of these attempts.
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { AlertSettings } from '../../src/core/alerts/alert.ts'
import { declineSteps } from '../../src/core/reports/drift-report.ts'
import { runToCompletion } from '../../src/core/steps.ts'
import { createWorld, DAY_MS, HOUR_MS, MINUTE_MS, settingsOf, type World } from '../core/alerts/world.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { PROMETHEUS } from './rule-files.ts'

/** promtool begins at the epoch. */
const END_MS = 16 * DAY_MS
const STEP_MS = HOUR_MS
const STEPS = END_MS / STEP_MS
const TARGET = 0.8
/** What both have a rule for, and that these attempts are about. */
const RULES = ['AgentMissesTarget', 'AgentSuccessDrift', 'AgentSilent']

interface Attempt {
  readonly agent_name: string
  readonly atMs: number
  readonly success: boolean
}

/** One attempt of each agent every 10 minutes. */
function attempts(): readonly Attempt[] {
  const all: Attempt[] = []
  for (let i = 0, atMs = 5 * MINUTE_MS; atMs < END_MS; i++, atMs += 10 * MINUTE_MS) {
    const isLate = atMs >= END_MS - 30 * HOUR_MS
    all.push({ agent_name: 'healthy', atMs, success: i % 10 !== 0 })
    all.push({ agent_name: 'degrading', atMs, success: isLate ? i % 5 < 2 : i % 10 !== 3 })
    all.push({ agent_name: 'missing', atMs, success: i % 5 < 3 })
    if (atMs < END_MS - 9 * HOUR_MS) all.push({ agent_name: 'silent', atMs, success: i % 10 !== 7 })
  }
  return all
}

const AGENTS = ['healthy', 'degrading', 'missing', 'silent']
const WINDOWS = { '5m': 5, '30m': 30, '1h': 60, '2h': 120, '6h': 360, '1d': 1440, '3d': 4320, '30d': 43_200 }

/** What is recorded of an agent at the end of each step, and the gauges of the sidecar. */
function seriesOf(agent: string, all: readonly Attempt[]): { readonly series: string; readonly values: string }[] {
  const own = all.filter(({ agent_name }) => agent_name === agent)
  const labels = `job="j",agent_name="${agent}"`
  const at = (of: (nowMs: number) => number | undefined): string =>
    Array.from({ length: STEPS + 1 }, (_, step) => of(step * STEP_MS) ?? '_').join(' ')
  const made = (untilMs: number): number => firstAfter(own, untilMs)
  const successes = [0]
  for (const { success } of own) successes.push(successes.at(-1)! + (success ? 1 : 0))
  const windows = Object.entries(WINDOWS).flatMap(([name, minutes]) => {
    const from = (nowMs: number): number => made(nowMs - minutes * MINUTE_MS)
    const count = (nowMs: number): number => made(nowMs) - from(nowMs)
    const succeeded = (nowMs: number): number => successes[made(nowMs)]! - successes[from(nowMs)]!
    return [
      { series: `agent:agent_attempts:increase${name}{${labels}}`, values: at(count) },
      {
        series: `agent:agent_successes_per_attempts:ratio_increase${name}{${labels}}`,
        values: at(nowMs => (count(nowMs) === 0 ? undefined : succeeded(nowMs) / count(nowMs))),
      },
    ]
  })
  const decline = declinesOf(own)
  return [
    ...windows,
    { series: `agent:agent_success_target:ratio{${labels}}`, values: at(() => TARGET) },
    {
      series: `agent_last_attempt_timestamp_seconds{${labels},instance="i",model_name="m",issue_type="i"}`,
      values: at(nowMs => own[made(nowMs) - 1] && own[made(nowMs) - 1]!.atMs / 1000),
    },
    { series: `agent_success_drift{${labels},instance="i",model_name="m",issue_type="i"}`, values: at(decline) },
  ]
}

/** The number of attempts until a time. They are in order. */
function firstAfter(own: readonly Attempt[], untilMs: number): number {
  let [low, high] = [0, own.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (own[middle]!.atMs <= untilMs) low = middle + 1
    else high = middle
  }
  return low
}

/** `agent_success_drift` of one agent over time, as the sidecar exposes it. */
function declinesOf(own: readonly Attempt[]): (nowMs: number) => number | undefined {
  const world = createWorld()
  let next = 0
  return nowMs => {
    for (; next < own.length && own[next]!.atMs <= nowMs; next++) add(world, own[next]!)
    // Earlier ones end no alert of the last day.
    return nowMs < END_MS - 2 * DAY_MS ? 0 : runToCompletion(declineSteps(world.keys()))[0]
  }
}

function add(world: World, { agent_name, atMs, success }: Attempt): void {
  world.nowMs = atMs
  world.attempt({ agent_name, success })
}

/** The alerts of the rules in question, as `rule agent`. */
async function sidecarVerdicts(all: readonly Attempt[], settings: AlertSettings): Promise<readonly string[]> {
  const world = createWorld()
  for (const attempt of all) add(world, attempt)
  world.nowMs = END_MS
  const found = await world.alerts(settings, { isStateless: true })
  return found
    .filter(({ rule }) => RULES.includes(rule))
    .map(({ rule, labels }) => `${rule} ${labels.get('agent_name')}`)
}

it('a degrading, a failing, a silent and a healthy agent get the same verdicts from the sidecar and from Prometheus', async context => {
  needs('promtool', context)
  await using folder = await temporaryFolder()
  const all = attempts()
  const settings = settingsOf({ rules: new Map([['AgentMissesTarget', { threshold: 100 * TARGET }]]) })
  const verdicts = await sidecarVerdicts(all, settings)
  expect(verdicts.toSorted()).toEqual([
    'AgentMissesTarget degrading',
    'AgentMissesTarget missing',
    'AgentSilent silent',
    'AgentSuccessDrift degrading',
  ])
  const file = join(folder.path, 'verdicts.yml')
  const expr = `group by (alertname, agent_name) (ALERTS{alertstate="firing", alertname=~"${RULES.join('|')}"})`
  const exp_samples = verdicts.map(verdict => {
    const [alertname, agent_name] = verdict.split(' ')
    return { labels: `{alertname="${alertname}", agent_name="${agent_name}"}`, value: 1 }
  })
  const tests = {
    interval: '1h',
    input_series: AGENTS.flatMap(agent => seriesOf(agent, all)),
    promql_expr_test: [{ expr, eval_time: `${END_MS / HOUR_MS}h`, exp_samples }],
  }
  const rules = new URL('rules/agent-alerts.yml', PROMETHEUS).pathname
  await writeFile(file, stringify({ rule_files: [rules], evaluation_interval: '1h', tests: [tests] }))
  // Rejects with the difference if Prometheus decides otherwise.
  const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', file])
  expect(stdout).toContain('SUCCESS')
})
