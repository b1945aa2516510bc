/**
 * The section `alerts` of the config file: rules, targets and mutes of alerts, and the sinks that are notified. It is long because it holds the whole
 * schema, and a message for each fault.
 */
import { z } from 'zod'
import {
  ALERT_SEVERITIES,
  type AlertMute,
  type AlertRuleSettings,
  type AlertSettings,
  DEFAULT_ALERT_SETTINGS,
} from '../core/alerts/alert.ts'
import { ALERT_RULES, type AlertRule } from '../core/alerts/rules.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { duration, timeout } from './kind.ts'
import { nearest } from './nearest.ts'
import { LOG_ONLY, type SinkConfig, sinks } from './sinks.ts'

export type { SinkConfig } from './sinks.ts'

export interface AlertsConfig {
  readonly settings: AlertSettings
  readonly sinks: readonly SinkConfig[]
  /** How often the rules are evaluated. */
  readonly intervalMs: number
  /** After how long a firing alert is sent again. Undefined: never. */
  readonly repeatMs: number | undefined
  /** The address of the sidecar in links, with a slash at its end. Undefined: the one that it listens on. */
  readonly externalUrl: string | undefined
}

/** One thing that is wrong, and where below the section. */
export interface AlertsFault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

const DEFAULT_INTERVAL = '30s'
const MAX_INTERVAL_MS = 600_000

const owner = z.string('must be a text').min(1, 'must not be empty').max(100, 'must have at most 100 characters')
const name = z.string('must be a text').min(1, 'must not be empty')

const isOn = z.union([z.boolean(), z.literal('on').transform(() => true), z.literal('off').transform(() => false)])

const rule = z.union(
  [
    isOn.transform((isEnabled): AlertRuleSettings => ({ isEnabled })),
    z
      .strictObject({
        enabled: isOn.optional(),
        threshold: z.number().optional(),
        severity: z.enum(ALERT_SEVERITIES, `must be one of ${ALERT_SEVERITIES.join(', ')}`).optional(),
        owner: owner.optional(),
      })
      .transform(({ enabled, ...rest }): AlertRuleSettings => ({ isEnabled: enabled, ...rest })),
  ],
  `must be on, off, or a map of enabled, threshold (a number), severity (${ALERT_SEVERITIES.join(', ')}) and owner`,
)

const KEY_LABELS = ['agent_name', 'model_name', 'issue_type'] as const

const target = z
  .strictObject({
    agent_name: name.optional(),
    model_name: name.optional(),
    issue_type: name.optional(),
    min_success_rate: z
      .number('must be a percentage above 0 and below 100')
      .min(1, 'must be in percent and at least 1: write 80 for 80 %')
      .lt(100, 'must be a percentage above 0 and below 100'),
  })
  .refine(stated => KEY_LABELS.some(label => stated[label] !== undefined), `must name one of ${KEY_LABELS.join(', ')}`)
  .transform(({ min_success_rate, ...labels }) => ({
    minSuccessRate: min_success_rate,
    labels: new Map(
      KEY_LABELS.flatMap(label => (labels[label] === undefined ? [] : [[label, labels[label]] as const])),
    ),
  }))

const until = z.string('must be an RFC 3339 time such as 2026-12-24T00:00:00Z').transform((text, context) => {
  const at = parseTimestamp(text)
  if (at !== undefined && !at.local) return at.ms
  context.issues.push({ code: 'custom', input: text, message: 'must be an RFC 3339 time such as 2026-12-24T00:00:00Z' })
  return z.NEVER
})

const mute = z
  .strictObject({
    labels: z
      .record(z.string(), name, 'must be a map of labels, such as {agent_name: fixer}')
      .refine(labels => Object.keys(labels).length > 0, 'must name a label, or rule: it would mute everything'),
    until: until.optional(),
  })
  .transform(({ labels, until }): AlertMute => ({ labels: new Map(Object.entries(labels)), untilMs: until }))

const externalUrl = z.string('must be an http or https URL').transform((text, context) => {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href.replace(/\/?$/, '/')
  context.issues.push({ code: 'custom', input: text, message: 'must be an http or https URL' })
  return z.NEVER
})

const section = z.strictObject(
  {
    interval: timeout.schema
      .refine(ms => ms >= 1000 && ms <= MAX_INTERVAL_MS, 'must be a duration from 1s to 10m')
      .default(timeout.schema.parse(DEFAULT_INTERVAL))
      .describe('How often the rules are evaluated, from 1s to 10m.'),
    repeat: duration.schema
      .refine(ms => ms >= 60_000, 'must be a duration of at least 1m')
      .optional()
      .describe('After how long an alert that still fires is sent again. Without it, once.'),
    external_url: externalUrl
      .optional()
      .describe('Address of the sidecar in links of notifications. Without it, the one that it listens on.'),
    rules: z
      .record(z.string(), rule, 'must be a map of rules by name')
      .default({})
      .describe('Rules by name: `on`, `off`, or a map of `enabled`, `threshold`, `severity` and `owner`.'),
    targets: z
      .array(target, 'must be a list')
      .default([])
      .describe(
        'Lowest accepted success rates: `min_success_rate` in percent, by `agent_name`, `model_name`, `issue_type`.',
      ),
    mutes: z
      .array(mute, 'must be a list')
      .default([])
      .describe('Alerts that are not sent: `labels` (or `rule`) that must match, and `until` when.'),
    sinks: sinks.default(LOG_ONLY).describe('Who is notified. See Sinks below.'),
  },
  { error: issue => (issue.code === 'invalid_type' ? 'must be a map' : undefined) },
)

/** The configuration without a section: the default rules, and the log. */
export const DEFAULT_ALERTS: AlertsConfig = { ...alertsConfig(section.parse({})), settings: DEFAULT_ALERT_SETTINGS }

const PRESETS: ReadonlyMap<string, string> = new Map([
  ['interval', DEFAULT_INTERVAL],
  ['sinks', 'the log'],
])

/** Every key of the section, its default and its meaning, for the documentation. */
export const ALERTS_KEYS: readonly { readonly key: string; readonly preset: string; readonly description: string }[] =
  Object.entries(section.shape).map(([key, { description = '' }]) => ({
    key,
    preset: PRESETS.get(key) ?? '–',
    description,
  }))

/** Parses the section. */
export function parseAlerts(
  value: unknown,
): { readonly alerts: AlertsConfig } | { readonly faults: readonly AlertsFault[] } {
  const parsed = section.safeParse(value ?? {})
  if (!parsed.success) return { faults: parsed.error.issues.flatMap(issue => faultsOf(issue)) }
  const { rules, mutes, targets } = parsed.data
  const faults = [
    ...Object.entries(rules).flatMap(([name, { threshold }]) => ruleFaults(name, threshold)),
    ...targetFaults(targets),
    ...mutes.flatMap(({ labels }, i) => muteFaults(labels, ['mutes', i, 'labels'])),
  ]
  return faults.length > 0 ? { faults } : { alerts: alertsConfig(parsed.data) }
}

const RULE_NAMES: readonly string[] = ALERT_RULES.map(({ name }) => name)
/** What a mute can name. */
const MUTE_LABELS: readonly string[] = ['rule', ...new Set(ALERT_RULES.flatMap(({ labels }) => labels))]

const noRule = (name: string): string =>
  `is no rule; ${suggestion(name, RULE_NAMES) ?? `the rules are ${RULE_NAMES.join(', ')}`}`

/** Two targets of the same labels would be one alert with two thresholds. */
function targetFaults(targets: AlertSettings['targets']): AlertsFault[] {
  const seen = new Set<string>()
  return targets.flatMap(({ labels }, i) => {
    const id = JSON.stringify([...labels])
    if (seen.has(id)) return [{ path: ['targets', i], message: 'has the labels of an earlier target: leave one out' }]
    seen.add(id)
    return []
  })
}

/** A mute with another label, or of another rule, would silently mute nothing. */
function muteFaults(labels: ReadonlyMap<string, string>, path: AlertsFault['path']): AlertsFault[] {
  return [...labels].flatMap(([label, value]) => {
    if (label === 'rule') return RULE_NAMES.includes(value) ? [] : [{ path: [...path, label], message: noRule(value) }]
    if (MUTE_LABELS.includes(label)) return []
    const known = label === 'alertname' ? 'did you mean rule?' : suggestion(label, MUTE_LABELS)
    const instead = known ?? `the labels are ${MUTE_LABELS.join(', ')}`
    return [{ path: [...path, label], message: `is no label of an alert; ${instead}` }]
  })
}

function ruleFaults(name: string, stated: number | undefined): AlertsFault[] {
  const rule: AlertRule | undefined = ALERT_RULES.find(one => one.name === name)
  if (rule === undefined) return [{ path: ['rules', name], message: noRule(name) }]
  if (stated === undefined) return []
  const fault = (message: string): AlertsFault[] => [{ path: ['rules', name, 'threshold'], message }]
  if (rule.threshold === undefined) return fault('must be left out: the rule has no threshold')
  const { min, max, meaning } = rule.threshold
  return stated >= min && stated <= max ? [] : fault(`must be from ${min} to ${max}: ${meaning}`)
}

function alertsConfig({ rules, targets, mutes, sinks, ...rest }: z.output<typeof section>): AlertsConfig {
  return Object.freeze({
    settings: { rules: new Map(Object.entries(rules)), targets, mutes },
    sinks,
    intervalMs: rest.interval,
    repeatMs: rest.repeat,
    externalUrl: rest.external_url,
  })
}

type Issue = z.core.$ZodIssue

function faultsOf(issue: Issue, above: readonly PropertyKey[] = []): AlertsFault[] {
  const path = [...above, ...issue.path].map(part => (typeof part === 'number' ? part : String(part)))
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({ path: [...path, key], message: `is an unknown key${hint(key, path)}` }))
  // Of a map, its own fault says more than that it is no map.
  if (issue.code === 'invalid_union') {
    const nested = issue.errors.find(
      ([first]) => first !== undefined && (first.path.length > 0 || first.code === 'unrecognized_keys'),
    )
    if (nested !== undefined) return nested.flatMap(one => faultsOf(one, path))
  }
  return [{ path, message: issue.message }]
}

const NESTED_KEYS: Readonly<Record<string, readonly string[]>> = {
  rules: ['enabled', 'threshold', 'severity', 'owner'],
  targets: [...KEY_LABELS, 'min_success_rate'],
  mutes: ['labels', 'until'],
  sinks: ['name', 'type', 'url', 'url_file', 'token_file', 'secret_file', 'networks'],
}

function hint(key: string, [parent]: readonly (string | number)[]): string {
  const found = suggestion(key, parent === undefined ? Object.keys(section.shape) : (NESTED_KEYS[parent] ?? []))
  return found === undefined ? '' : `; ${found}`
}

function suggestion(typed: string, known: readonly string[]): string | undefined {
  const found = nearest(typed, known)
  return found === undefined ? undefined : `did you mean ${found}?`
}
