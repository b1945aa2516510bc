/** Prints docs/alerts-and-panels.md, held equal by a test: `node docs/alerts-and-panels.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { parse } from 'yaml'
import { dashboards } from '../grafana/src/dashboards.ts'
import { BLANK, RAISED } from './asked.ts'

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
  ['ExperimentSampleRatioMismatch', 'Can an experiment be believed, or are its attempts not shared out as intended?'],
  ['ExperimentVariantWorse', 'Does a variant that still gets attempts do worse than the baseline, beyond chance?'],
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
  ['SidecarArmsRunningOut', 'Will variants soon be left out of experiments because there are too many?'],
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

| alert | severity | after | the question it answers | in the test |
| --- | --- | --- | --- | --- |
${alerts().map(alertRow).join('\n')}

${[...dashboards().values()].map(dashboardPart).join('\n\n')}
`
}

const INTRODUCTION = `What each alert and each panel answers. Printed from the rules and dashboards by \`node docs/alerts-and-panels.ts\`.

- **Rules** are in \`prometheus/rules/\`: tried on Prometheus 2.42, and written for 3 as well. Success ratios are recorded by agent, model and
  issue type over 5 minutes, 1 hour, 6 hours, 1 day and 30 days, as counts added up first and divided then.
- **Targets** are in \`prometheus/rules/targets.yml\`: one half for every agent without one of its own.
- **The first attempt** of a key that was never seen before shows in totals and in no rise: Prometheus cannot see a rise from nothing.
- **Experiments** are compared by the sidecar, with the variant that came first and over their whole life: of ranges, other baselines
  and assignment by what was seen ask \`/api/v1/experiments/NAME\`. Equal shares are taken to be intended.
- **Series** are about 75 for each key (\`--max-keys\`) and 26 for each arm of an experiment (\`--max-arms\`): at the most, as the
  limits are set, 750,000 and 26,000.
- **The last column** is what a real Prometheus answered that scraped a real sidecar while agents were at work, one attempt was
  malformed, and of two experiments one had a variant that fails and one unequal shares. A test holds it
  (\`test/grafana/queries.test.ts\`). Of an alert: whether its condition held; that each fires when it should, and only then, is shown by
  \`prometheus/tests\`. Of a panel: how many of its queries returned data.
- **A scrape job** of another name than \`agent-performance\` has to be named in the first two rules of
  \`prometheus/rules/sidecar-alerts.yml\`; dashboards find it by themselves.
- **The address of Grafana** in the alerts' \`dashboard\` links is \`http://localhost:3000\`.
`

function alerts(): Alert[] {
  return ['agent', 'experiment', 'sidecar'].flatMap(kind => {
    const text = readFileSync(new URL(`../prometheus/rules/${kind}-alerts.yml`, import.meta.url), 'utf8')
    const { groups } = parse(text) as { groups: { rules: Alert[] }[] }
    return groups.flatMap(group => group.rules)
  })
}

function alertRow({ alert, for: after, labels: { severity, span } }: Alert): string {
  const question = QUESTIONS.get(alert)
  if (question === undefined) throw new Error(`what does ${alert} answer?`)
  const over = span === undefined ? '' : ` Over ${span}.`
  const held = RAISED.includes(alert) ? 'raised' : 'silent'
  return `| [${alert}](runbooks/${alert}.md) | ${severity} | ${after} | ${question}${over} | ${held} |`
}

function dashboardPart({ uid, title, description, panels = [] }: Dashboard): string {
  const rows = panels.flatMap(panel =>
    'description' in panel
      ? [`| ${panel.title} | ${panel.description} | ${returned(`${uid} ${panel.id}`, panel)} |`]
      : [],
  )
  return [
    `## Dashboard: ${title}`,
    '',
    description,
    '',
    '| panel | the question it answers | queries with data |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function returned(panel: string, { targets = [] }: { readonly targets?: readonly unknown[] }): string {
  const why = BLANK.get(panel)
  return why === undefined ? `${targets.length} of ${targets.length}` : `0 of ${targets.length}: ${why}`
}

if (import.meta.main) writeFileSync(new URL('alerts-and-panels.md', import.meta.url), alertsAndPanels())
