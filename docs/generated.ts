/** The parts of docs/ that come from the code: printed by `npm run docs`, held equal by a test. */

import { createTools } from '../src/command/mcp/tools.ts'
import { ALERTS_KEYS } from '../src/config/alerts.ts'
import { defaultOf, flagOf, settings, variableOf } from '../src/config/settings.ts'
import { ALERT_RULES, type AlertRule } from '../src/core/alerts/rules.ts'
import { type AttemptField, FIELD_LIST } from '../src/core/attempt/fields.ts'
import { TALLY_FAMILIES } from '../src/expose/families.ts'
import type { Family } from '../src/expose/family.ts'
import { SELF_METRICS } from '../src/sidecar/self-metrics.ts'
import { ENDED_STREAMS } from '../test/instrument/stream-kinds.ts'
import { otherAttributes, spanSources } from './otlp-attributes.ts'
import { sendersTable } from './otlp-senders.ts'

/** Every setting: flag, environment variable, default, meaning. */
function configurationTable(): string {
  const rows = settings.map(setting => {
    const preset = defaultOf(setting) === '' ? '–' : `\`${defaultOf(setting)}\``
    return `| \`${escaped(flagOf(setting))}\` | \`${variableOf(setting.name)}\` | ${preset} | ${escaped(setting.description)} |`
  })
  return ['| flag | environment | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** Every key of the section `alerts`. */
function alertsTable(): string {
  const rows = ALERTS_KEYS.map(({ key, preset, description }) => `| \`${key}\` | ${preset} | ${escaped(description)} |`)
  return ['| key | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

const EXPERIMENT = 'agent_experiment_'

/** Every metric as it is exposed, with its labels, in three tables. */
function metricTables(): string {
  const tables = [
    ['Agents', TALLY_FAMILIES.filter(({ name }) => !name.startsWith(EXPERIMENT))],
    ['Experiments', TALLY_FAMILIES.filter(({ name }) => name.startsWith(EXPERIMENT))],
    ['The sidecar itself', SELF_METRICS],
  ] as const
  return tables.map(([title, families]) => `## ${title}\n\n${metricTable(families)}`).join('\n\n')
}

function metricTable(families: readonly Pick<Family, 'name' | 'type' | 'help' | 'labels'>[]): string {
  const rows = families.map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(', ')} | ${escaped(help)} |`,
  )
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** Every field of an attempt: name, values, meaning. */
function fieldTable(): string {
  const rows = FIELD_LIST.map(field => {
    const values = `${valuesOf(field)}${field.required ? ', required' : ''}`
    return `| \`${field.name}\` | ${values} | ${escaped(field.description)} |`
  })
  return ['| field | values | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function valuesOf(field: AttemptField): string {
  switch (field.kind) {
    case 'string':
      return `string of 1 to ${field.maxBytes} bytes`
    case 'boolean':
      return 'boolean'
    case 'number':
      return `number from 0 to ${field.max.toLocaleString('en')}${field.nullable ? ', or `null`' : ''}`
    case 'integer':
      return `integer from 0 to ${field.max.toLocaleString('en')}`
    case 'timestamp':
      return 'RFC 3339 time'
  }
}

/** What the tests found of each stream: its kind, how it ended, what was recorded. */
function streamTable(): string {
  const rows = ENDED_STREAMS.map(({ kind, ended, recorded }) => {
    const result = recorded.success ? 'success' : `failure, \`${recorded.error_type}\``
    return `| ${kind} | ${ended} | ${result} |`
  })
  return ['| what the work returns | how it ends | recorded as |', '| --- | --- | --- |', ...rows].join('\n')
}

/** Every tool of `mcp`, with its arguments. */
function toolTable(): string {
  const rows = createTools().map(({ name, description, inputSchema }) => {
    const { properties = {}, required = [] } = inputSchema as {
      readonly properties?: object
      readonly required?: readonly string[]
    }
    const names = Object.keys(properties).map(name => (required.includes(name) ? `**\`${name}\`**` : `\`${name}\``))
    return `| \`${name}\` | ${escaped(description)} | ${names.join(', ')} |`
  })
  return ['| tool | what it does | arguments (bold: required) |', '| --- | --- | --- |', ...rows].join('\n')
}

/** The attributes that are read of OTLP, and the senders that were recorded. */
function otlpTables(): string {
  const senders = `Each row is held by a test on a recorded body. Cost is computed if [prices](configuration.md) name the model.\n\n${sendersTable()}`
  return `## Attributes that are read\n\n${spanSources()}\n\n${otherAttributes()}\n\n## Senders\n\n${senders}`
}

/** Every rule of the alerts in a table, and then with all that it states. Alerts link to the headings. */
function alertRules(): string {
  const rows = ALERT_RULES.map(
    ({ name, watches, severity, threshold }) =>
      `| [${name}](#${name.toLowerCase()}) | ${severity} | ${escaped(watches)} | ${threshold?.byDefault ?? (threshold === undefined ? '' : 'none')} |`,
  )
  return [
    '| rule | severity | fires when | threshold |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...ALERT_RULES.map(ruleSection),
  ].join('\n')
}

function ruleSection({ name, watches, labels, threshold, statistic, falseAlarms, ends, advice }: AlertRule): string {
  const unset = 'none: it watches only what a target names'
  const lines = [
    ['fires when', watches],
    ['labels', labels.length === 0 ? 'none' : labels.map(label => `\`${label}\``).join(', ')],
    ...(threshold === undefined
      ? []
      : [
          [
            'threshold',
            `${threshold.meaning}, ${threshold.min} to ${threshold.max}; by default ${threshold.byDefault ?? unset}`,
          ],
        ]),
    ['decided by', statistic],
    ['false alarms', falseAlarms],
    ['ends when', ends],
    ['what to do', advice],
  ]
  return [
    '',
    `## ${name}`,
    '',
    '| | |',
    '| --- | --- |',
    ...lines.map(([what, text]) => `| ${what} | ${escaped(text!)} |`),
  ].join('\n')
}

const escaped = (text: string): string => text.replaceAll('|', '\\|')

/** The generated part of each page, by the name of its file in docs/ without `.md`. */
export const GENERATED_PARTS: ReadonlyMap<string, () => string> = new Map([
  ['alerts', alertRules],
  ['configuration', configurationTable],
  ['http-api', fieldTable],
  ['library', streamTable],
  ['mcp', toolTable],
  ['metrics', metricTables],
  ['notifications', alertsTable],
  ['otlp', otlpTables],
])

/** The text of a page with its generated part up to date. Throws if the text has no markers for it. */
export function withGeneratedPart(page: string, text: string): string {
  const print = GENERATED_PARTS.get(page)
  const from = `<!-- ${page}: generated -->\n`
  const start = text.indexOf(from)
  const end = text.indexOf(`<!-- /${page} -->`)
  if (print === undefined || start < 0 || end < start)
    throw new Error(`docs/${page}.md has no markers for its generated part`)
  return `${text.slice(0, start + from.length)}\n${print()}\n\n${text.slice(end)}`
}
