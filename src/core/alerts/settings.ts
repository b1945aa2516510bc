/** What the settings say of a rule. */
import type { AlertSettings, AlertSeverity } from './alert.ts'
import { type AlertRule, type AlertRuleName, ruleNamed } from './rules.ts'

/** A rule with the settings in force. */
export interface RuleInForce {
  readonly rule: AlertRule
  readonly isEnabled: boolean
  readonly severity: AlertSeverity
  /** Undefined if the rule has none, or needs one and has not got it. */
  readonly threshold: number | undefined
  readonly owner: string | undefined
}

/** The rule of a name with the settings in force. Settings of a threshold that the rule does not have are ignored. */
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
