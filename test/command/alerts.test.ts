/** `agent-performance alerts`: what it prints of alerts, and where nothing fires. */
import { expect, test } from 'vitest'
import { displayWidth } from '../../src/command/table.ts'
import { startFakeSidecar } from './fake-sidecar.ts'
import { runCommand } from './run-command.ts'

const ALERT = {
  rule: 'AgentSuccessDrift',
  labels: { agent_name: 'fixer' },
  severity: 'warning',
  state: 'firing',
  owner: 'team-a',
  since: '2026-01-31T12:00:00.000Z',
  summary: 'The success rate of fixer fell from 91.2 % to 54.0 %.',
  detail:
    'Log-likelihood ratio 9.1 of a drift with claude-sonnet-4 at complexity, and an alarm needs 6.8. 27 of 50 attempts since then succeeded.',
  false_alarms: 'Of all keys and agents together, at most one false alarm in 2,000 attempts of each.',
  figures: [
    { name: 'success rate', unit: 'percent', before: 91.2, after: 54, interval: { low: 40.4, high: 67.0 }, n: 50 },
    { name: 'cost per success', unit: 'usd', before: null, after: 0.5, interval: null, n: 50 },
    { name: 'keys in use', unit: 'count', before: null, after: 9000, interval: null, n: 9000 },
  ],
  links: {
    page: 'agent?agent_name=fixer',
    question: 'api/v1/trends?agent_name=fixer',
    runbook: 'docs/alerts.md#agentsuccessdrift',
  },
}
const WATCHED = [
  { rule: 'AgentSilent', watches: 'an agent stops', severity: 'warning', threshold: 10, false_alarms: 'rare' },
]

/** What the command prints of an answer. */
async function printed(answer: object): Promise<string> {
  await using sidecar = await startFakeSidecar(() => ({ body: answer }))
  const { exitCode, stdout, stderr } = await runCommand(['alerts', '--url', sidecar.url], {
    columns: 80,
    env: { NO_COLOR: '1' },
  })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout
}

/** What is printed of {@link ALERT} behind its owner. */
const NUMBERS_AND_LINKS = `  success rate: 91.20 % before, 54.00 % now [40.40 % to 67.00 %] of 50 attempts
  cost per success: $0.500 of 50 attempts
  keys in use: 9,000
  Log-likelihood ratio 9.1 of a drift with claude-sonnet-4 at complexity, and an
  alarm needs 6.8. 27 of 50 attempts since then succeeded.
  Of all keys and agents together, at most one false alarm in 2,000 attempts of
  each.
  see agent?agent_name=fixer, api/v1/trends?agent_name=fixer,
  docs/alerts.md#agentsuccessdrift
`

test('prints what happened, since when, how sure it is and what to look at, in 80 columns', async () => {
  const muted = { ...ALERT, severity: 'critical', state: 'muted', owner: null }
  const text = await printed({ alerts: [muted, ALERT], watched: WATCHED })
  expect(Math.max(...text.split('\n').map(displayWidth))).toBeLessThanOrEqual(80)
  expect(text).toBe(`critical, muted: The success rate of fixer fell from 91.2 % to 54.0 %.
  AgentSuccessDrift since 2026-01-31T12:00:00.000Z
${NUMBERS_AND_LINKS}
warning: The success rate of fixer fell from 91.2 % to 54.0 %.
  AgentSuccessDrift since 2026-01-31T12:00:00.000Z, owner team-a
${NUMBERS_AND_LINKS}`)
})

test('says that nothing fires, and what is watched', async () => {
  expect(await printed({ alerts: [], watched: WATCHED })).toBe('Nothing fires. 1 rule is watched:\n- an agent stops\n')
})
