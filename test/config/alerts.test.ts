import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, type LoadedConfig, loadConfig } from '../../src/config/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'alerts-config-'))
let files = 0

function load(section: string): LoadedConfig {
  const path = join(folder, `${++files}.yaml`)
  writeFileSync(path, section)
  return loadConfig({ flags: {}, env: {}, configFile: path })
}

/** The faults without the path of the file. */
function faultsOf(section: string): string[] {
  try {
    load(section)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.exitCode).toBe(78)
    return error.message.split('\n').map(line => line.replace(/^\S+\.yaml /, ''))
  }
  throw new Error('nothing was wrong with it')
}

const WHOLE = `
listen: 127.0.0.1:0
alerts:
  interval: 15s
  repeat: 4h
  external_url: https://perf.example.com/agents
  rules:
    AgentSilent: off
    AgentSuccessDrift: {severity: critical, owner: team-a}
    AgentOverconfident: {enabled: true, threshold: 20}
  targets:
    - {agent_name: fixer, min_success_rate: 80}
    - {model_name: m, issue_type: bug, min_success_rate: 55.5}
  mutes:
    - labels: {agent_name: canary, rule: AgentSuccessDrift}
      until: 2026-12-24T00:00:00Z
    - labels: {issue_type: chore}
  sinks:
    - {type: alertmanager, url: http://127.0.0.1:9093/am/, token_file: /run/secrets/am}
    - {type: webhook, name: hook, url: 'https://hooks.example.com/x?token=hush', secret_file: key, networks: [10.0.0.0/8]}
    - {type: slack, url_file: /run/secrets/slack}
    - {type: log}
`

test('every key of the section has its effect', () => {
  const { alerts } = load(WHOLE).config
  expect(alerts.settings.rules).toEqual(
    new Map<string, object>([
      ['AgentSilent', { isEnabled: false }],
      ['AgentSuccessDrift', { isEnabled: undefined, severity: 'critical', owner: 'team-a' }],
      ['AgentOverconfident', { isEnabled: true, threshold: 20 }],
    ]),
  )
  expect(alerts.settings.targets).toEqual([
    { labels: new Map([['agent_name', 'fixer']]), minSuccessRate: 80 },
    {
      labels: new Map([
        ['model_name', 'm'],
        ['issue_type', 'bug'],
      ]),
      minSuccessRate: 55.5,
    },
  ])
  expect(alerts.settings.mutes).toEqual([
    {
      labels: new Map([
        ['agent_name', 'canary'],
        ['rule', 'AgentSuccessDrift'],
      ]),
      untilMs: Date.parse('2026-12-24T00:00:00Z'),
    },
    { labels: new Map([['issue_type', 'chore']]), untilMs: undefined },
  ])
  expect(alerts).toMatchObject({
    intervalMs: 15_000,
    repeatMs: 14_400_000,
    externalUrl: 'https://perf.example.com/agents/',
    sinks: [
      { type: 'alertmanager', name: 'alertmanager', url: 'http://127.0.0.1:9093/am/', tokenFile: '/run/secrets/am' },
      { type: 'webhook', name: 'hook', secretFile: 'key', networks: ['10.0.0.0/8'] },
      { type: 'slack', name: 'slack', url: undefined, urlFile: '/run/secrets/slack', networks: [] },
      { type: 'log', name: 'log' },
    ],
  })
})

test('without the section, the default rules are notified to the log', () => {
  expect(load('listen: 127.0.0.1:0').config.alerts).toEqual({
    settings: { rules: new Map(), targets: [], mutes: [] },
    sinks: [{ type: 'log', name: 'log' }],
    intervalMs: 30_000,
    repeatMs: undefined,
    externalUrl: undefined,
  })
  expect(load('alerts:').config.alerts).toEqual(load('').config.alerts)
})

test('what is in force is shown with its line, without secrets', () => {
  const shown = load(WHOLE).inForce.filter(({ name }) => name.startsWith('alerts.'))
  expect(shown.map(({ name, value }) => `${name} = ${value}`)).toEqual([
    'alerts.interval = 15s',
    'alerts.repeat = 4h',
    'alerts.external_url = https://perf.example.com/agents/',
    'alerts.rules.AgentSilent = off',
    'alerts.rules.AgentSuccessDrift = critical, owner team-a',
    'alerts.rules.AgentOverconfident = on, threshold 20',
    'alerts.targets[0] = agent_name=fixer: 80 %',
    'alerts.targets[1] = model_name=m, issue_type=bug: 55.5 %',
    'alerts.mutes[0] = agent_name=canary, rule=AgentSuccessDrift until 2026-12-24T00:00:00.000Z',
    'alerts.mutes[1] = issue_type=chore until removed',
    'alerts.sinks.alertmanager = alertmanager http://127.0.0.1:9093/am/ (/run/secrets/am)',
    'alerts.sinks.hook = webhook https://hooks.example.com/*** (key)',
    'alerts.sinks.slack = slack *** (/run/secrets/slack)',
    'alerts.sinks.log = log',
  ])
  expect(JSON.stringify(load(WHOLE).inForce)).not.toContain('hush')
  expect(shown[0]!.place).toMatch(/\.yaml line 3: alerts\.interval$/)
})

test.for([
  [
    'AgentOverconfident: {threshold: 95}',
    'must be from 0 to 90: percentage points by which confidence may exceed the success rate',
  ],
  ['AgentSuccessDrift: {threshold: 1}', 'must be left out: the rule has no threshold'],
] as const)('a threshold that the rule cannot have is an error: %s', ([rule, message]) => {
  const [name] = rule.split(':')
  expect(faultsOf(`alerts:\n  rules:\n    ${rule}`)).toEqual([`line 3: alerts.rules.${name}.threshold ${message}`])
})

describe('a fault names its line, its place and what to do', () => {
  test.for<readonly [string, string, string]>([
    [
      'an unknown key',
      'alerts:\n  intervall: 15s',
      'line 2: alerts.intervall is an unknown key; did you mean interval?',
    ],
    [
      'an unknown rule',
      'alerts:\n  rules:\n    AgentSilnt: off',
      'line 3: alerts.rules.AgentSilnt is no rule; did you mean AgentSilent?',
    ],
    [
      'an unknown key of a rule',
      'alerts:\n  rules:\n    AgentSilent: {treshold: 3}',
      'line 3: alerts.rules.AgentSilent.treshold is an unknown key; did you mean threshold?',
    ],
    [
      'a severity that is none',
      'alerts:\n  rules:\n    AgentSilent: {severity: page}',
      'line 3: alerts.rules.AgentSilent.severity must be one of critical, warning, info',
    ],
    [
      'an interval below a second',
      'alerts: {interval: 10ms}',
      'line 1: alerts.interval must be a duration from 1s to 10m',
    ],
    [
      'a target without a label',
      'alerts:\n  targets:\n    - {min_success_rate: 80}',
      'line 3: alerts.targets[0] must name one of agent_name, model_name, issue_type',
    ],
    [
      'a target beyond 100 %',
      'alerts:\n  targets:\n    - agent_name: a\n      min_success_rate: 120',
      'line 4: alerts.targets[0].min_success_rate must be a percentage above 0 and below 100',
    ],
    [
      'a target that is a share, not a percentage',
      'alerts:\n  targets:\n    - agent_name: a\n      min_success_rate: 0.8',
      'line 4: alerts.targets[0].min_success_rate must be in percent and at least 1: write 80 for 80 %',
    ],
    [
      'a mute of everything',
      'alerts:\n  mutes: [{labels: {}}]',
      'line 2: alerts.mutes[0].labels must name a label, or rule: it would mute everything',
    ],
    [
      'a second target of the same labels',
      'alerts:\n  targets:\n    - {agent_name: a, min_success_rate: 80}\n    - {agent_name: a, min_success_rate: 90}',
      'line 4: alerts.targets[1] has the labels of an earlier target: leave one out',
    ],
    [
      'a mute by the label of a notification',
      'alerts:\n  mutes: [{labels: {alertname: AgentSilent}}]',
      'line 2: alerts.mutes[0].labels.alertname is no label of an alert; did you mean rule?',
    ],
    [
      'a mute of a label that no alert has',
      'alerts:\n  mutes:\n    - labels: {agent: fixer}',
      'line 3: alerts.mutes[0].labels.agent is no label of an alert; the labels are rule, agent_name, model_name, issue_type, experiment, variant, problem',
    ],
    [
      'a mute of a misspelled label',
      'alerts:\n  mutes: [{labels: {agnet_name: fixer}}]',
      'line 2: alerts.mutes[0].labels.agnet_name is no label of an alert; did you mean agent_name?',
    ],
    [
      'a mute of an unknown rule',
      'alerts:\n  mutes: [{labels: {rule: AgentSilnt}}]',
      'line 2: alerts.mutes[0].labels.rule is no rule; did you mean AgentSilent?',
    ],
    [
      'a time without a zone',
      'alerts:\n  mutes: [{labels: {rule: A}, until: 2026-12-24}]',
      'line 2: alerts.mutes[0].until must be an RFC 3339 time such as 2026-12-24T00:00:00Z',
    ],
    [
      'a sink of an unknown type',
      'alerts:\n  sinks: [{type: pager}]',
      'line 2: alerts.sinks[0].type must be one of alertmanager, webhook, slack, log',
    ],
    [
      'a URL of another scheme',
      'alerts:\n  sinks:\n  - type: webhook\n    url: file:///etc/passwd',
      'line 4: alerts.sinks[0].url must be an http or https URL',
    ],
    [
      'a URL with a password',
      'alerts:\n  sinks: [{type: alertmanager, url: "http://a:hush@b"}]',
      'line 2: alerts.sinks[0].url must not hold a user or password: use token_file',
    ],
    [
      'a sink without a URL',
      'alerts:\n  sinks: [{type: slack}]',
      'line 2: alerts.sinks[0] must have either url or url_file',
    ],
    [
      'two sinks of one name',
      'alerts:\n  sinks:\n  - {type: log}\n  - {type: log}',
      'line 4: alerts.sinks[1] has the name "log" of an earlier sink: give each a name',
    ],
    [
      'a network that is none',
      'alerts:\n  sinks: [{type: slack, url: "https://a", networks: [10.0.0.0]}]',
      'line 2: alerts.sinks[0].networks[0] must be a network such as 10.0.0.0/8 or fd00::/8',
    ],
    ['a list instead of the section', 'alerts: [log]', 'line 1: alerts must be a map'],
  ])('%s', ([, section, fault]) => {
    expect(faultsOf(section)).toEqual([fault])
  })

  test('a flag or a variable cannot hold the section', () => {
    expect(() => loadConfig({ flags: {}, env: { AGENT_PERFORMANCE_ALERTS: '{}' } })).toThrow(
      'unknown environment variable AGENT_PERFORMANCE_ALERTS',
    )
  })
})

test('the example in deploy/ is accepted', () => {
  const configFile = new URL('../../deploy/alerts.yaml', import.meta.url).pathname
  const { alerts } = loadConfig({ flags: {}, env: {}, configFile }).config
  expect(alerts.sinks.map(({ type }) => type)).toEqual(['alertmanager', 'log'])
})

test('every block of YAML in docs/notifications.md is accepted', () => {
  const page = readFileSync(new URL('../../docs/notifications.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block!)
  expect(blocks.length).toBeGreaterThan(1)
  for (const block of blocks) expect(() => load(block)).not.toThrow()
})
