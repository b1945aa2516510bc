/** What is in force of the section `alerts`, for `check-config`. */
import type { AlertRuleSettings } from '../core/alerts/alert.ts'
import { printDuration } from '../core/attempt/timestamp.ts'
import type { AlertsConfig } from './alerts.ts'
import { type SinkConfig, shownUrl } from './sinks.ts'

/** One line per value, by the key below the section. Secrets in URLs are masked. */
export function shownAlerts({
  settings,
  sinks,
  ...rest
}: AlertsConfig): readonly (readonly [key: string, value: string])[] {
  return [
    ['interval', printDuration(rest.intervalMs)],
    ['repeat', rest.repeatMs === undefined ? 'never' : printDuration(rest.repeatMs)],
    ...(rest.externalUrl === undefined ? [] : [['external_url', rest.externalUrl] as const]),
    ...[...settings.rules].map(([rule, set]) => [`rules.${rule}`, shownRule(set)] as const),
    ...settings.targets.map(
      ({ labels, minSuccessRate }, i) => [`targets[${i}]`, `${shownLabels(labels)}: ${minSuccessRate} %`] as const,
    ),
    ...settings.mutes.map(
      ({ labels, untilMs }, i) =>
        [
          `mutes[${i}]`,
          `${shownLabels(labels)} until ${untilMs === undefined ? 'removed' : new Date(untilMs).toISOString()}`,
        ] as const,
    ),
    ...sinks.map(sink => [`sinks.${sink.name}`, shownSink(sink)] as const),
  ]
}

function shownRule({ isEnabled, threshold, severity, owner }: AlertRuleSettings): string {
  return [
    isEnabled === undefined ? [] : isEnabled ? 'on' : 'off',
    threshold === undefined ? [] : `threshold ${threshold}`,
    severity ?? [],
    owner === undefined ? [] : `owner ${owner}`,
  ]
    .flat()
    .join(', ')
}

const shownLabels = (labels: ReadonlyMap<string, string>): string =>
  [...labels].map(([label, value]) => `${label}=${value}`).join(', ')

function shownSink(sink: SinkConfig): string {
  if (sink.type === 'log') return 'log'
  const files = [sink.urlFile, sink.tokenFile, sink.secretFile].filter(file => file !== undefined)
  const from = files.length === 0 ? '' : ` (${files.join(', ')})`
  return `${sink.type} ${sink.url === undefined ? '***' : shownUrl(sink.url, sink.type)}${from}`
}
