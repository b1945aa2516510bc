/** A rule with its settings. */
import type { AlertSettings, AlertSeverity } from './alert.ts'
import { type AlertRule, type AlertRuleName, ruleNamed } from './rules.ts'

/** A rule with the settings in force. */
export interface RuleInForce {
  readonly rule: AlertRule
  readonly isEnabled: boolean
  readonly severity: AlertSeverity
  /** Undefined if the rule has no threshold, or needs one that the settings do not state. */
  readonly threshold: number | undefined
  readonly owner: string | undefined
}

/** The named rule with its settings applied. Ignores the threshold of a rule that has none. */
export function ruleInForce(name: AlertRuleName, settings: Pick<AlertSettings, 'rules'>): RuleInForce {
  const rule = ruleNamed(name)
  const { isEnabled, threshold, severity, owner } = settings.rules.get(name) ?? {}
  return {
    rule,
    isEnabled: isEnabled ?? rule.isOn,
    severity: severity ?? rule.severity,
    threshold: rule.threshold === undefined ? undefined : (threshold ?? rule.threshold.byDefault),
    owner,
  }
}
