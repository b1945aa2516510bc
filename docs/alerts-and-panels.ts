/** Prints docs/alerts-and-panels.md: `node docs/alerts-and-panels.ts`. A test compares the page with it. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { parse } from 'yaml'
import { dashboards } from '../grafana/src/dashboards.ts'
import { BLANK, RAISED } from './expected-queries.ts'

/** The question that each alert answers. */
const QUESTIONS: ReadonlyMap<string, string> = new Map([
  ['AgentMissesTarget', 'Does an agent fail so often that it misses its target?'],
  ['AgentNeverSucceeds', 'Has an agent failed at everything it ever tried?'],
  ['AgentSuccessRateDropped', 'Does an agent succeed less often than in the past 30 days, beyond chance?'],
  ['AgentSuccessDrift', 'Is an agent slowly getting worse with one model at one issue type?'],
  ['AgentOverconfident', 'Is the confidence of an agent higher than its success rate?'],
  ['AgentConfidenceUncalibrated', 'Does stated confidence match success?'],
  ['AgentCostPerSuccessRose', 'Did a success become more expensive?'],
  ['AgentSlower', 'Do attempts take longer than before?'],
  ['AgentSilent', 'Has an agent stopped that should be working?'],
  ['ExperimentSampleRatioMismatch', 'Are the shares of the variants as intended, so that the comparison is valid?'],
  ['ExperimentVariantWorse', 'Does a variant that still gets attempts do worse than the baseline, beyond chance?'],
  ['SidecarDown', 'Can Prometheus reach the sidecar?'],
  ['SidecarMissing', 'Is any sidecar scraped?'],
  ['SidecarNotReady', 'Does the sidecar record attempts?'],
  ['SidecarStoreFailing', 'Can the sidecar store attempts?'],
  ['SidecarSpoolFilling', 'Will the spool be full before the server of the store is back?'],
  ['SidecarDocumentNotWritten', 'Can the sidecar write its document?'],
  ['SidecarRecordsDamaged', 'Was data lost on disk?'],
  ['SidecarOverloaded', 'Is more sent than the sidecar can accept?'],
  ['SidecarRejectsAttempts', 'Does a coordinator send invalid attempts?'],
  ['SidecarKeysOverflowing', 'Do attempts lose their names because there are too many keys?'],
  ['SidecarKeysRunningOut', 'Will the limit of keys be reached soon?'],
  ['SidecarArmsRunningOut', 'Will the limit of experiment arms be reached soon?'],
  ['SidecarRestarting', 'Does the sidecar restart repeatedly?'],
])

interface Alert {
  readonly alert: string
  readonly for: string
  readonly labels: { readonly severity: string; readonly span?: string }
}

/** The text of the page. Throws if an alert has no question. */
export function alertsAndPanels(): string {
  return `# Alerts and panels

${INTRODUCTION}
## Alerts

| alert | severity | fires after | question | in the test |
| --- | --- | --- | --- | --- |
${alerts().map(alertRow).join('\n')}

${[...dashboards().values()].map(dashboardPart).join('\n\n')}
`
}

const INTRODUCTION = `This page lists every alert and every dashboard panel, with the question that it answers. \`node docs/alerts-and-panels.ts\` prints it
from the rules and dashboards.

- **Rules** are in \`prometheus/rules/\`. They were run on Prometheus 2.42 and 3.16 (\`npm run test:prometheus3\`). Success ratios are recorded by
  agent, model and issue type over 5 minutes, 1 hour, 6 hours, 1 day and 30 days. Counts are added first and divided afterwards. A store
  counts once, however many sidecars share it ([metrics.md](metrics.md#several-sidecars-and-several-stores)).
- **Panels** about agents and experiments need the recording rules, which tell the store of each sidecar.
- **Targets** are in \`prometheus/rules/targets.yml\`. The default target is one half.
- **The first attempts** of a new key count in the recording rules, if Prometheus scraped the target before. \`increase\` alone ignores them.
- **Experiments** are compared by the sidecar over their whole life, by their stored shares, baseline and end. Without them, equal shares are
  assumed, and the baseline is the variant with the earliest attempt. For ranges, filters and adaptive assignment, use \`/api/v1/experiments/NAME\`.
- **Alerts about sidecars** fire for each sidecar. Those about keys and arms fire at all sidecars of a store together.
- **Series** of each sidecar: about 75 per key (\`--max-keys\`) and 26 per arm of an experiment (\`--max-arms\`). At the default limits this is at most 750,000
  and 26,000.
- **The last column** shows what a real Prometheus returned while it scraped a real sidecar (\`test/grafana/queries.test.ts\`). In that test,
  agents work, one attempt is malformed, one experiment has a failing variant, and one has unequal shares. For an alert, the column
  says whether its condition held; \`prometheus/tests\` shows that each alert fires when it should. For a panel, it says how many
  queries returned data.
- **Another name for the scrape job** than \`agent-performance\` must be set in the first two rules of
  \`prometheus/rules/sidecar-alerts.yml\`. Dashboards find the job by themselves.
- **The address of Grafana** in the \`dashboard\` links of the alerts is \`http://localhost:3000\`.
- **Runbooks** open from the sidecar, which serves its documentation without a token: \`runbook_url\` begins with \`http://localhost:9464\`. If yours has
  another address, replace this one in \`prometheus/rules/*-alerts.yml\`. While no sidecar runs, read \`docs/runbooks/\` in the package.
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
  if (question === undefined) throw new Error(`QUESTIONS has no entry for the alert ${alert}`)
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
    '| panel | question | queries with data |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function returned(panel: string, { targets = [] }: { readonly targets?: readonly unknown[] }): string {
  const why = BLANK.get(panel)
  return why === undefined ? `${targets.length} of ${targets.length}` : `0 of ${targets.length}: ${why}`
}

if (import.meta.main) writeFileSync(new URL('alerts-and-panels.md', import.meta.url), alertsAndPanels())
