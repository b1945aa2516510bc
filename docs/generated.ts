/** The parts of the README that come from the code: printed by `npm run docs`, held equal by a test. */
import { defaultOf, flagOf, settings, variableOf } from '../src/config/settings.ts'
import { TALLY_FAMILIES } from '../src/expose/families.ts'
import { SELF_METRICS } from '../src/sidecar/self-metrics.ts'

/** Every setting: flag, variable, key of the file, default, meaning. */
function configurationTable(): string {
  const rows = settings.map(setting => {
    const preset = defaultOf(setting) === '' ? '–' : `\`${defaultOf(setting)}\``
    return `| \`${escaped(flagOf(setting))}\` | \`${variableOf(setting.name)}\` | ${preset} | ${escaped(setting.description)} |`
  })
  return ['| flag | environment | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** Every family as it is exposed, with its labels. */
function metricsList(): string {
  const lines = [...TALLY_FAMILIES, ...SELF_METRICS].flatMap(({ name, type, help, labels }) => {
    const shown = type === 'histogram' ? [...labels, 'le'] : labels
    const suffix = type === 'histogram' ? '_bucket|_sum|_count' : ''
    return [`# ${help}`, `${name}${suffix}${shown.length > 0 ? `{${shown.join(',')}}` : ''}  ${type}`]
  })
  return ['```', ...lines, '```'].join('\n')
}

const escaped = (text: string): string => text.replaceAll('|', '\\|')

const PARTS: ReadonlyMap<string, () => string> = new Map([
  ['configuration', configurationTable],
  ['metrics', metricsList],
])

/** The text with every generated part as it should be. Throws where a part has no place in it. */
export function withGeneratedParts(text: string): string {
  let whole = text
  for (const [name, print] of PARTS) {
    const [from, to] = [`<!-- ${name}: generated -->\n`, `\n<!-- /${name} -->`]
    const start = whole.indexOf(from)
    const end = whole.indexOf(to)
    if (start < 0 || end < start) throw new Error(`there is no place for ${name}`)
    whole = whole.slice(0, start + from.length) + print() + whole.slice(end)
  }
  return whole
}
