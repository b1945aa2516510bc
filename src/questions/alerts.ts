/** What fires now, and what is watched. */
import { z } from 'zod'
import { namedRecord } from '../core/aggregate/metrics.ts'
import {
  ALERT_SEVERITIES,
  type Alert,
  type AlertFigure,
  type AlertSettings,
  type AlertSeverity,
  DEFAULT_ALERT_SETTINGS,
  type EvaluatedAlerts,
} from '../core/alerts/alert.ts'
import { findAlerts } from '../core/alerts/find-alerts.ts'
import { isMuted } from '../core/alerts/mute.ts'
import { ALERT_RULES } from '../core/alerts/rules.ts'
import { ruleInForce } from '../core/alerts/settings.ts'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { KeyFilter, TimeRange } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { choice, name, selection } from './parameters.ts'
import { defineQuestion, type Facts, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema, strictObject } from './schema.ts'

/** Keys that are evaluated for each answer. The evaluation of more is shared for {@link MAX_AGE_MS}. */
const MAX_KEYS = 1000
const MAX_AGE_MS = 60_000

const STATES = ['firing', 'muted', 'all'] as const
type State = (typeof STATES)[number]

export interface AlertsQuery extends Selection {
  /** `all` by default. */
  readonly state?: State | undefined
  readonly rule?: string | undefined
  readonly experiment?: string | undefined
}

/** An alert that fires. */
export interface ListedAlert extends Pick<Alert, 'rule' | 'severity' | 'summary' | 'figures' | 'links'> {
  readonly labels: Readonly<Record<string, string>>
  readonly state: Exclude<State, 'all'>
  readonly owner: string | null
  /** RFC 3339. */
  readonly since: string
  /** `evidence` of the alert. In answers, that name is for what a number of attempts can show. */
  readonly detail: string
  readonly false_alarms: string
}

/** A rule with the settings in force. */
export interface WatchedRule {
  readonly rule: string
  readonly watches: string
  readonly severity: AlertSeverity
  readonly threshold: number | null
  readonly false_alarms: string
}

export interface AlertList {
  /** RFC 3339. */
  readonly evaluated_at: string
  /** The most severe first, then by their start. */
  readonly alerts: readonly ListedAlert[]
  /** The rules that are on. */
  readonly watched: readonly WatchedRule[]
}

const severity = z.enum(ALERT_SEVERITIES).meta({ description: 'How urgent it is.' })
const falseAlarms = z.string().meta({ description: 'How often the rule fires although nothing is wrong.' })

const bound = z.number().meta({ description: 'In the unit of the figure.' })

const figure: ObjectSchema<AlertFigure> = objectSchema('AlertFigure', {
  name: z.string().meta({ description: 'What is measured.' }),
  unit: z.enum(['percent', 'seconds', 'usd', 'count']).meta({ description: 'The unit of the numbers.' }),
  before: z.number().nullable().meta({ description: 'Before the change. Null if there is nothing to compare with.' }),
  after: z.number().meta({ description: 'Since then.' }),
  interval: strictObject({ low: bound, high: bound })
    .nullable()
    .meta({ description: 'The 95 % interval of `after`. Null if it has none, as a count.' }),
  n: z.number().min(0).meta({ description: 'The number of attempts behind `after`.' }),
})

const listed: ObjectSchema<ListedAlert> = objectSchema('ListedAlert', {
  rule: z.string().meta({ description: 'The name of its rule.' }),
  labels: byName(z.string(), 'What it is about, such as the agent_name.'),
  severity,
  state: z.enum(['firing', 'muted']).meta({ description: 'muted: it fires, and the settings mute its notifications.' }),
  owner: z.string().nullable().meta({ description: 'Who is responsible, as the settings say. Null if they do not.' }),
  since: z.string().meta({ description: 'When what it is about began, RFC 3339.' }),
  summary: z.string().meta({ description: 'What happened, in one sentence.' }),
  detail: z.string().meta({ description: 'How sure it is: the statistic, its value and n.' }),
  false_alarms: falseAlarms,
  figures: z.array(figure).meta({ description: 'The numbers before and after.' }),
  links: strictObject({
    page: z.string().meta({ description: 'The view of the live page, below the address of the sidecar.' }),
    question: z
      .string()
      .meta({ description: 'The question that gives the numbers, below the address of the sidecar.' }),
    runbook: z
      .string()
      .meta({ description: 'What to do: a page of the documentation, relative to the address of the sidecar.' }),
  }).meta({ description: 'What to look at.' }),
})

const watchedRule: ObjectSchema<WatchedRule> = objectSchema('WatchedRule', {
  rule: z.string().meta({ description: 'The name of the rule.' }),
  watches: z.string().meta({ description: 'What it watches.' }),
  severity,
  threshold: z
    .number()
    .nullable()
    .meta({ description: 'The threshold in force, in the unit of the rule. Null if it has none.' }),
  false_alarms: falseAlarms,
})

const answer: ObjectSchema<AlertList> = objectSchema('AlertList', {
  evaluated_at: z.string().meta({
    description:
      'When the rules were evaluated, RFC 3339: for this answer, or at more than 1,000 keys by the sidecar at most a minute before.',
  }),
  alerts: z.array(listed).meta({ description: 'The most severe first, then by their start.' }),
  watched: z.array(watchedRule).meta({ description: 'The rules that are on, whether or not they fire.' }),
})

export const alerts: Question<'alerts', AlertsQuery, AlertList> = defineQuestion({
  path: 'alerts',
  isExact: true,
  summary: 'What fires now and why, since when, and what is watched; a range selects alerts that began in it',
  command: 'alerts',
  parameters: z.strictObject({
    ...selection,
    state: choice(STATES, 'Only alerts that are not muted, or only muted ones').default('all'),
    rule: name('Only alerts of this rule').optional(),
    experiment: name('Only this experiment').optional(),
  }),
  answer,
  example: {},
  async run(facts, { range, filter, state, rule, experiment, nowMs }, signal) {
    const settings = facts.alertSettings?.() ?? DEFAULT_ALERT_SETTINGS
    const { alerts: found, atMs } = latest(facts, nowMs) ?? {
      alerts: await findAlerts(facts, settings, nowMs, steps => runYielding(steps, signal)),
      atMs: nowMs,
    }
    const { model_name } = filter
    const labels = { ...filter, model_name: model_name && (facts.modelNameOf?.(model_name) ?? model_name), experiment }
    const fitting = found.filter(
      alert => hasLabels(alert, labels) && began(alert, range) && (rule === undefined || alert.rule === rule),
    )
    const all = fitting.map(alert => listedAlert(alert, settings, nowMs))
    return {
      evaluated_at: printTimestamp({ ms: atMs, local: false }),
      alerts: all.filter(one => state === 'all' || one.state === state),
      watched: watchedRules(settings),
    }
  },
})

/** The last evaluation of the sidecar, where one for each question would take long. Few keys are evaluated at once, so that the answer is of now. */
function latest({ usage, evaluatedAlerts }: Facts, nowMs: number): EvaluatedAlerts | undefined {
  const known = evaluatedAlerts?.()
  return known !== undefined && usage().keys > MAX_KEYS && nowMs - known.atMs <= MAX_AGE_MS ? known : undefined
}

function hasLabels({ labels }: Alert, wanted: KeyFilter & { readonly experiment?: string | undefined }): boolean {
  return Object.entries(wanted).every(([name, value]) => value === undefined || labels.get(name) === value)
}

const began = ({ sinceMs }: Alert, range: TimeRange | undefined): boolean =>
  range === undefined || (sinceMs >= range.sinceMs && sinceMs < range.untilMs)

function listedAlert(alert: Alert, settings: AlertSettings, nowMs: number): ListedAlert {
  const { rule, labels, severity, summary, evidence, falseAlarms, figures, links, sinceMs } = alert
  return {
    rule,
    labels: namedRecord(labels),
    severity,
    state: isMuted(alert, settings.mutes, nowMs) ? 'muted' : 'firing',
    owner: settings.rules.get(rule)?.owner ?? null,
    since: printTimestamp({ ms: sinceMs, local: false }),
    summary,
    detail: evidence,
    false_alarms: falseAlarms,
    figures,
    links,
  }
}

function watchedRules(settings: AlertSettings): WatchedRule[] {
  return ALERT_RULES.map(({ name }) => ruleInForce(name, settings))
    .filter(({ isEnabled }) => isEnabled)
    .map(({ rule, severity, threshold }) => ({
      rule: rule.name,
      watches: rule.watches,
      severity,
      threshold: threshold ?? null,
      false_alarms: rule.falseAlarms,
    }))
}
