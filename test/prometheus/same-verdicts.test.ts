/**
 * The sidecar's own alerts and the rules for Prometheus decide the same about the same attempts: a healthy agent, one that degrades, one that misses
 * its target and one that falls silent. Some attempts are pending, decided later, or corrected by an outcome. Prometheus gets the series that
 * rules/recording.yml would record of these attempts.
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { LOWEST_RATIO } from '../../prometheus/recording.ts'
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
  /** As reported. Undefined: the attempt is pending. */
  readonly success: boolean | undefined
  /** The result that an outcome states later. */
  readonly outcome?: { readonly atMs: number; readonly success: boolean }
}

/** One attempt of each agent every 10 minutes. */
function attempts(): readonly Attempt[] {
  const all: Attempt[] = []
  for (let i = 0, atMs = 5 * MINUTE_MS; atMs < END_MS; i++, atMs += 10 * MINUTE_MS) {
    const isLate = atMs >= END_MS - 30 * HOUR_MS
    const isBeforeSilence = atMs < END_MS - 9 * HOUR_MS
    const decided = (success: boolean, minutes: number): NonNullable<Attempt['outcome']> => ({
      atMs: atMs + minutes * MINUTE_MS,
      success,
    })
    all.push({ agent_name: 'healthy', atMs, success: i % 10 !== 0 })
    all.push({ agent_name: 'degrading', atMs, success: isLate ? i % 5 < 2 : i % 10 !== 3 })
    all.push({ agent_name: 'missing', atMs, success: i % 5 < 3 })
    if (isBeforeSilence) all.push({ agent_name: 'silent', atMs, success: i % 10 !== 7 })
    all.push({ agent_name: 'pending', atMs, success: undefined })
    if (isBeforeSilence) all.push({ agent_name: 'pending, silent', atMs, success: undefined })
    all.push({ agent_name: 'decided', atMs, success: undefined, outcome: decided(i % 10 !== 0, 30) })
    all.push({ agent_name: 'decided late', atMs, success: undefined, outcome: decided(i % 10 !== 0, 14 * 60) })
    // Its outcomes go on after its last attempt.
    if (isBeforeSilence)
      all.push({
        agent_name: 'decided late, silent',
        atMs,
        success: undefined,
        outcome: decided(i % 10 !== 0, 14 * 60),
      })
    all.push({ agent_name: 'decided, missing', atMs, success: undefined, outcome: decided(i % 5 < 3, 30) })
    all.push({ agent_name: 'refuted', atMs, success: true, outcome: decided(i % 5 < 3, 30) })
    all.push({ agent_name: 'modest', atMs, success: i % 5 < 3, outcome: decided(true, 30) })
  }
  return all.map(one => (one.outcome !== undefined && one.outcome.atMs > END_MS ? without(one) : one))
}

const without = ({ agent_name, atMs, success }: Attempt): Attempt => ({ agent_name, atMs, success })

const WINDOWS = { '5m': 5, '30m': 30, '1h': 60, '2h': 120, '6h': 360, '1d': 1440, '3d': 4320, '30d': 43_200 }

/** A counter that changes by an amount at some times: its value at a time. */
function counterOf(events: readonly { readonly atMs: number; readonly by: number }[]): (nowMs: number) => number {
  const inOrder = events.toSorted((a, b) => a.atMs - b.atMs)
  const totals = [0]
  for (const { by } of inOrder) totals.push(totals.at(-1)! + by)
  const times = inOrder.map(({ atMs }) => atMs)
  return nowMs => totals[firstAfter(times, nowMs)]!
}

/** The counters that rules/recording.yml reads: recorded attempts, those with a result, and successes with the corrections of outcomes. */
function countersOf(own: readonly Attempt[]) {
  const decided = own.flatMap(({ atMs, success, outcome }) => {
    if (success !== undefined) return [{ atMs, success }]
    return outcome === undefined ? [] : [outcome]
  })
  const corrections = own.flatMap(({ success, outcome }) =>
    outcome === undefined || success === undefined || success === outcome.success
      ? []
      : [{ atMs: outcome.atMs, by: outcome.success ? 1 : -1 }],
  )
  return {
    recorded: counterOf(own.map(({ atMs }) => ({ atMs, by: 1 }))),
    attempts: counterOf(decided.map(({ atMs }) => ({ atMs, by: 1 }))),
    successes: counterOf([...decided.map(({ atMs, success }) => ({ atMs, by: success ? 1 : 0 })), ...corrections]),
  }
}

/** What is recorded of an agent at the end of each step, and the gauges of the sidecar. */
function seriesOf(agent: string, all: readonly Attempt[]): { readonly series: string; readonly values: string }[] {
  const own = all.filter(({ agent_name }) => agent_name === agent)
  const labels = `job="j",agent_name="${agent}"`
  const at = (of: (nowMs: number) => number | undefined): string =>
    Array.from({ length: STEPS + 1 }, (_, step) => of(step * STEP_MS) ?? '_').join(' ')
  const { recorded, attempts, successes } = countersOf(own)
  const windows = Object.entries(WINDOWS).flatMap(([name, minutes]) => {
    const increase = (of: (nowMs: number) => number) => (nowMs: number) => of(nowMs) - of(nowMs - minutes * MINUTE_MS)
    const [count, succeeded] = [increase(attempts), increase(successes)]
    const ratio = (nowMs: number): number | undefined => {
      const share = succeeded(nowMs) / count(nowMs)
      return count(nowMs) === 0 || share < LOWEST_RATIO ? undefined : Math.min(1, Math.max(0, share))
    }
    return [
      { series: `agent:agent_attempts:increase${name}{${labels}}`, values: at(count) },
      { series: `agent:agent_attempts_recorded:increase${name}{${labels}}`, values: at(increase(recorded)) },
      { series: `agent:agent_successes_per_attempts:ratio_increase${name}{${labels}}`, values: at(ratio) },
    ]
  })
  const decline = declinesOf(own)
  const times = own.map(({ atMs }) => atMs)
  const lastMs = (nowMs: number): number | undefined => times[firstAfter(times, nowMs) - 1]
  return [
    ...windows,
    { series: `agent:agent_success_target:ratio{${labels}}`, values: at(() => TARGET) },
    {
      series: `agent_last_attempt_timestamp_seconds{${labels},instance="i",model_name="m",issue_type="i"}`,
      values: at(nowMs => lastMs(nowMs) && lastMs(nowMs)! / 1000),
    },
    { series: `agent_success_drift{${labels},instance="i",model_name="m",issue_type="i"}`, values: at(decline) },
  ]
}

/** How many of these times, which are in order, are not after `untilMs`. */
function firstAfter(times: readonly number[], untilMs: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! <= untilMs) low = middle + 1
    else high = middle
  }
  return low
}

/** `agent_success_drift` of one agent over time, as the sidecar exposes it. */
function declinesOf(own: readonly Attempt[]): (nowMs: number) => number | undefined {
  const world = createWorld()
  const events = eventsOf(own)
  let next = 0
  return nowMs => {
    for (; next < events.length && events[next]!.atMs <= nowMs; next++) events[next]!.record(world)
    // Earlier ones end no alert of the last day.
    return nowMs < END_MS - 2 * DAY_MS ? 0 : runToCompletion(declineSteps(world.keys()))[0]
  }
}

/** Attempts and their outcomes, in the order in which they are recorded. */
function eventsOf(all: readonly Attempt[]) {
  const events = all.flatMap(({ agent_name, atMs, success, outcome }) => {
    const given = { agent_name, success }
    const recorded = [{ atMs, record: (world: World) => world.attempt(given) }]
    if (outcome !== undefined)
      recorded.push({ atMs: outcome.atMs, record: world => world.outcome(given, atMs, outcome.success) })
    return recorded
  })
  const inTime = events.map(({ atMs, record }) => ({
    atMs,
    record(world: World): void {
      world.nowMs = atMs
      record(world)
    },
  }))
  return inTime.toSorted((a, b) => a.atMs - b.atMs)
}

/** The alerts of the rules in question, as `rule agent`. */
async function sidecarVerdicts(all: readonly Attempt[], settings: AlertSettings): Promise<readonly string[]> {
  const world = createWorld()
  for (const { record } of eventsOf(all)) record(world)
  world.nowMs = END_MS
  const found = await world.alerts(settings, { isStateless: true })
  return found
    .filter(({ rule }) => RULES.includes(rule))
    .map(({ rule, labels }) => `${rule} ${labels.get('agent_name')}`)
}

it('agents whose attempts are reported, pending, decided later or corrected get the same verdicts from the sidecar and from Prometheus', async context => {
  needs('promtool', context)
  await using folder = await temporaryFolder()
  const all = attempts()
  const settings = settingsOf({ rules: new Map([['AgentMissesTarget', { threshold: 100 * TARGET }]]) })
  const verdicts = await sidecarVerdicts(all, settings)
  expect(verdicts.toSorted()).toEqual([
    'AgentMissesTarget decided, missing',
    'AgentMissesTarget degrading',
    'AgentMissesTarget missing',
    'AgentMissesTarget refuted',
    'AgentSilent decided late, silent',
    'AgentSilent pending, silent',
    'AgentSilent silent',
    'AgentSuccessDrift degrading',
  ])
  const file = join(folder.path, 'verdicts.yml')
  const expr = `group by (alertname, agent_name) (ALERTS{alertstate="firing", alertname=~"${RULES.join('|')}"})`
  const exp_samples = verdicts.map(verdict => {
    const [, alertname, agent_name] = /^(\w+) (.*)$/.exec(verdict)!
    return { labels: `{alertname="${alertname}", agent_name="${agent_name}"}`, value: 1 }
  })
  const tests = {
    interval: '1h',
    input_series: [...new Set(all.map(({ agent_name }) => agent_name))].flatMap(agent => seriesOf(agent, all)),
    promql_expr_test: [{ expr, eval_time: `${END_MS / HOUR_MS}h`, exp_samples }],
  }
  const rules = new URL('rules/agent-alerts.yml', PROMETHEUS).pathname
  await writeFile(file, stringify({ rule_files: [rules], evaluation_interval: '1h', tests: [tests] }))
  // Rejects with the difference if Prometheus decides otherwise.
  const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', file])
  expect(stdout).toContain('SUCCESS')
})
