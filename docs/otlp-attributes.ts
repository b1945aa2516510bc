/** The attributes that are read of OTLP: what the rules look up, as tables for docs/otlp.md. */
import { FIELD_LIST } from '../src/core/attempt/fields.ts'
import { DEFAULT_MAPPING } from '../src/receive/otlp/mapping/default-mapping.ts'
import type { OtlpMapping, OtlpRule, OtlpSource } from '../src/receive/otlp/mapping/mapping.ts'
import { logRules, spanRules } from '../src/receive/otlp/mapping/rules.ts'

const ALL_ON: OtlpMapping = Object.fromEntries(
  Object.entries(DEFAULT_MAPPING).map(([name, rule]) => [name, { ...rule, enabled: true }]),
)

/** The names of all attributes that the shipped rules look up in the records of a signal, whether on or off. */
export function attributesRead(signal: OtlpRule['signal']): readonly string[] {
  const { attributes } = signal === 'logs' ? logRules(ALL_ON) : spanRules(ALL_ON)
  return Array.from(attributes.slots.keys(), String)
}

/** The sources of each field of a span of an agent, the first that has a value first. */
export function spanSources(): string {
  const { attempt } = DEFAULT_MAPPING.invoke_agent!
  const rows = FIELD_LIST.flatMap(({ name }) => {
    const sources = attempt[name] ?? []
    return sources.length === 0 ? [] : [`| \`${name}\` | ${sources.map(printSource).join(', ')} |`]
  })
  return ['| field | of a span, the first that has a value |', '| --- | --- |', ...rows].join('\n')
}

function printSource(source: OtlpSource): string {
  if (typeof source === 'string') return `\`${source}\``
  if ('value' in source) return `the constant \`${source.value}\``
  if ('join' in source) return `\`${source.join.join(':')}\``
  return 'in' in source ? `\`${source.from}\` = \`${source.in.join('`, `')}\`` : `\`${source.from}\` × ${source.scale}`
}

/** What the other shipped rules read, and what decides the outcome and the model calls. */
export function otherAttributes(): string {
  const named = new Set(spanSources().match(/(?<=`)[^`]+(?=`)/g))
  const rows = (['traces', 'logs'] as const).map(signal => {
    const others = attributesRead(signal).filter(name => signal === 'logs' || !named.has(name))
    return `| ${signal === 'traces' ? 'spans' : 'log records'} | ${others
      .toSorted()
      .map(name => `\`${name}\``)
      .join(', ')} |`
  })
  return ['| of | attributes |', '| --- | --- |', ...rows].join('\n')
}
