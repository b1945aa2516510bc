/** Builds alerts: what every rule states in the same way. */
import { percentOfCounts } from '../reports/rate.ts'
import type { Counts } from '../statistics/counts.ts'
import { rateInterval } from '../statistics/intervals.ts'
import { type Alert, type AlertFigure, alertId } from './alert.ts'
import type { AlertRuleName } from './rules.ts'
import type { RuleInForce } from './settings.ts'

/** The alerts that fire, by their ids, and since when, in milliseconds since the epoch. */
export type Firing = ReadonlyMap<string, number>

/** What differs between the alerts of a rule. */
export interface Finding extends Pick<Alert, 'summary' | 'evidence' | 'figures'> {
  readonly labels: readonly (readonly [name: string, value: string])[]
  /** Undefined or NaN if the facts do not tell: then when the alert began to fire. */
  readonly sinceMs?: number | undefined
  readonly page: string
  readonly question: string
}

/** The sidecar serves its documentation below its address. */
const RUNBOOKS = 'docs/alerts.md'

/** The alert of a finding. It keeps the earlier start of one that fires already, because later data may hide when it began. */
export function makeAlert(
  { rule, severity, owner }: RuleInForce,
  finding: Finding,
  firing: Firing,
  nowMs: number,
): Alert {
  const { labels, summary, evidence, figures, page, question, sinceMs } = finding
  const firingMs = firing.get(idOf(rule.name, labels)) ?? nowMs
  return {
    rule: rule.name,
    labels: new Map(labels),
    severity,
    ...(owner !== undefined && { owner }),
    sinceMs: sinceMs === undefined || Number.isNaN(sinceMs) ? firingMs : Math.min(sinceMs, firingMs),
    summary,
    evidence,
    falseAlarms: `${rule.falseAlarms.charAt(0).toUpperCase()}${rule.falseAlarms.slice(1)}.`,
    figures,
    links: { page, question, runbook: `${RUNBOOKS}#${rule.name.toLowerCase()}` },
  }
}

const idOf = (rule: AlertRuleName, labels: Finding['labels']): string => alertId({ rule, labels: new Map(labels) })

/** Whether the alert of a rule with these labels fires already. */
export const isFiring = (firing: Firing, rule: AlertRuleName, labels: Finding['labels']): boolean =>
  firing.size > 0 && firing.has(idOf(rule, labels))

/** Characters of a name in a summary. */
const NAME_LENGTH = 36

/** A name that leaves room for the rest of a sentence. It ends with an ellipsis if it is cut. */
export function short(name: string): string {
  const characters = Array.from(name)
  return characters.length <= NAME_LENGTH ? name : `${characters.slice(0, NAME_LENGTH - 1).join('')}…`
}

/** `61.5 %` */
export const percentText = (percent: number): string => `${percent.toFixed(1)} %`

/** A success rate in percent with its interval. `before` is null if there is nothing to compare with. */
export function rateFigure(name: string, before: number | null, counts: Counts): AlertFigure {
  const { low, high } = rateInterval(counts)
  const after = percentOfCounts(counts)
  return { name, unit: 'percent', before, after, interval: { low, high }, n: counts.attempts }
}

/** A path with a query. Empty parameters are left out. */
export function pathOf(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
}
