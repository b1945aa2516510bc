/** Alerts: what the rules found, independent of how it is evaluated and who receives it. */

/** How urgent an alert is. The names are those that Alertmanager users know. */
export const ALERT_SEVERITIES = ['critical', 'warning', 'info'] as const
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number]

/** A number before and after the change that an alert is about. */
export interface AlertFigure {
  /** What is measured, such as `success rate`. */
  readonly name: string
  /** `percent`, `seconds`, `usd` or `count`. */
  readonly unit: 'percent' | 'seconds' | 'usd' | 'count'
  /** Null if there is nothing to compare with. */
  readonly before: number | null
  readonly after: number
  /** The 95 % interval of `after`. Null if it has none, such as a count. */
  readonly interval: { readonly low: number; readonly high: number } | null
  /** The number of attempts behind `after`. */
  readonly n: number
}

/** One alert that fires now. Two alerts with the same rule and labels are the same alert. */
export interface Alert {
  /** The name of its rule, in CamelCase as Prometheus alerts are named. */
  readonly rule: string
  /** What it is about, such as `agent_name`. A Map, because the values come from outside. */
  readonly labels: ReadonlyMap<string, string>
  readonly severity: AlertSeverity
  /** Who is responsible, as the settings say. */
  readonly owner?: string | undefined
  /** When the change began, not when it was noticed. In milliseconds since the epoch. */
  readonly sinceMs: number
  /** What happened, in one sentence of at most 120 characters that stands alone in a push notification. */
  readonly summary: string
  /** How sure it is: the statistic, its value and n, in one or two sentences. */
  readonly evidence: string
  /** How often the rule fires although nothing is wrong, in one sentence. */
  readonly falseAlarms: string
  readonly figures: readonly AlertFigure[]
  /** What to look at. Paths below the address of the sidecar, without a leading slash. */
  readonly links: {
    /** A view of the live page. */
    readonly page: string
    /** The question that gives the numbers. */
    readonly question: string
    /** The page about the rule in the documentation, with its anchor. */
    readonly runbook: string
  }
}

/** The alerts that fired when the rules were evaluated. */
export interface EvaluatedAlerts {
  readonly alerts: readonly Alert[]
  /** In milliseconds since the epoch. */
  readonly atMs: number
}

/** The identity of an alert: its rule and its labels in a fixed order. */
export function alertId({ rule, labels }: Pick<Alert, 'rule' | 'labels'>): string {
  return JSON.stringify([rule, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))])
}

/** Settings of one rule. Absent members keep the defaults of the rule. */
export interface AlertRuleSettings {
  readonly isEnabled?: boolean | undefined
  /** The meaning depends on the rule. */
  readonly threshold?: number | undefined
  readonly severity?: AlertSeverity | undefined
  /** Who is responsible; a label of the notification. */
  readonly owner?: string | undefined
}

/** The lowest success rate that is accepted, in percent, of the keys that match the labels. */
export interface SuccessTarget {
  readonly labels: ReadonlyMap<'agent_name' | 'model_name' | 'issue_type', string>
  readonly minSuccessRate: number
}

/** Alerts with all of these labels are listed, but not sent until a time. */
export interface AlertMute {
  /** Labels of the alert, or `rule`. */
  readonly labels: ReadonlyMap<string, string>
  /** In milliseconds since the epoch. Undefined: without end. */
  readonly untilMs?: number | undefined
}

export interface AlertSettings {
  readonly rules: ReadonlyMap<string, AlertRuleSettings>
  readonly targets: readonly SuccessTarget[]
  readonly mutes: readonly AlertMute[]
}

/** The settings without an `alerts` section in the configuration. */
export const DEFAULT_ALERT_SETTINGS: AlertSettings = { rules: new Map(), targets: [], mutes: [] }
