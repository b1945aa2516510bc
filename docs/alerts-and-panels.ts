/** Prints docs/alerts-and-panels.md, held equal by a test: `node docs/alerts-and-panels.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { parse } from 'yaml'
import { dashboards } from '../grafana/src/dashboards.ts'

/** What each alert answers, in the order of the table. */
const QUESTIONS: ReadonlyMap<string, string> = new Map([
  ['AgentMissesTarget', 'Does an agent fail so often that its target is out of reach?'],
  ['AgentSuccessRateDropped', 'Does an agent succeed less often than in its own past 30 days, beyond chance?'],
  ['AgentSuccessDrift', 'Is an agent declining slowly and surely, with one model at one issue type?'],
  ['AgentOverconfident', 'Is an agent surer than it is right?'],
  ['AgentConfidenceUncalibrated', 'Does stated confidence say anything about success?'],
  ['AgentCostPerSuccessRose', 'Did a success become dear?'],
  ['AgentSlower', 'Do attempts take longer than they used to?'],
  ['AgentSilent', 'Has an agent stopped that should be at work?'],
  ['SidecarDown', 'Can Prometheus reach the sidecar?'],
  ['SidecarMissing', 'Is a sidecar scraped at all?'],
  ['SidecarNotReady', 'Does the sidecar take attempts?'],
  ['SidecarStoreFailing', 'Can it keep what it is sent?'],
  ['SidecarDocumentNotWritten', 'Can it write its document?'],
  ['SidecarRecordsDamaged', 'Was anything lost on disk?'],
  ['SidecarOverloaded', 'Is more sent than it can take?'],
  ['SidecarRejectsAttempts', 'Does a coordinator send what cannot be read?'],
  ['SidecarKeysOverflowing', 'Do attempts lose their names because there are too many?'],
  ['SidecarKeysRunningOut', 'Will they soon?'],
  ['SidecarRestarting', 'Does it start again and again?'],
])

interface Alert {
  readonly alert: string
  readonly for: string
  readonly labels: { readonly severity: string; readonly span?: string }
}

/** The whole text. Throws where an alert has no question. */
export function alertsAndPanels(): string {
  return `# Alerts and panels

${INTRODUCTION}
## Alerts

| alert | severity | after | the question it answers |
| --- | --- | --- | --- |
${alerts().map(alertRow).join('\n')}

${[...dashboards().values()].map(dashboardPart).join('\n\n')}
`
}

const INTRODUCTION = `What each alert and each panel answers. Printed from the rules and dashboards by \`node docs/alerts-and-panels.ts\`.

- **Rules** are in \`prometheus/rules/\`: tried on Prometheus 2.42, and written for 3 as well. Success ratios are recorded by agent, model and
  issue type over 5 minutes, 1 hour, 6 hours, 1 day and 30 days, as counts added up first and divided then.
- **Targets** are in \`prometheus/rules/targets.yml\`: one half for every agent without one of its own.
- **The first attempt** of a key that was never seen before shows in totals and in no rise: Prometheus cannot see a rise from nothing.
- **Experiments** are not exposed to Prometheus: ask \`/api/v1/experiments/NAME\`.
- **A scrape job** of another name than \`agent-performance\` has to be named in the first two rules of
  \`prometheus/rules/sidecar-alerts.yml\`; dashboards find it by themselves.
- **The address of Grafana** in the alerts' \`dashboard\` links is \`http://localhost:3000\`.
`

function alerts(): Alert[] {
  return ['agent', 'sidecar'].flatMap(kind => {
    const text = readFileSync(new URL(`../prometheus/rules/${kind}-alerts.yml`, import.meta.url), 'utf8')
    const { groups } = parse(text) as { groups: { rules: Alert[] }[] }
    return groups.flatMap(group => group.rules)
  })
}

function alertRow({ alert, for: after, labels: { severity, span } }: Alert): string {
  const question = QUESTIONS.get(alert)
  if (question === undefined) throw new Error(`what does ${alert} answer?`)
  const over = span === undefined ? '' : ` Over ${span}.`
  return `| [${alert}](runbooks/${alert}.md) | ${severity} | ${after} | ${question}${over} |`
}

function dashboardPart({ title, description, panels = [] }: Dashboard): string {
  const rows = panels.flatMap(panel => ('description' in panel ? [`| ${panel.title} | ${panel.description} |`] : []))
  return [
    `## Dashboard: ${title}`,
    '',
    description,
    '',
    '| panel | the question it answers |',
    '| --- | --- |',
    ...rows,
  ].join('\n')
}

if (import.meta.main) writeFileSync(new URL('alerts-and-panels.md', import.meta.url), alertsAndPanels())
