/** Evaluates all rules on the facts. */
import type { Steps } from '../steps.ts'
import { ALERT_SEVERITIES, type Alert, type AlertSettings } from './alert.ts'
import { confidenceAlertSteps } from './confidence-alerts.ts'
import { costAlertSteps } from './cost-alerts.ts'
import { driftAlertSteps } from './drift-alerts.ts'
import { experimentAlertSteps } from './experiment-alerts.ts'
import type { AlertFacts } from './facts.ts'
import { recallOf } from './recall.ts'
import type { AlertRuleName } from './rules.ts'
import { type RuleInForce, ruleInForce } from './settings.ts'
import { armsFilled, keysFilled, limitAlerts, storeAlerts } from './sidecar-alerts.ts'
import { silenceAlerts } from './silence-alerts.ts'
import { targetAlertSteps } from './target-alerts.ts'

/**
 * The alerts that fire at `nowMs`, the most severe first, then by their start. Muted ones are included. The same facts, settings and time give the
 * same alerts, so that every sidecar of a store finds the same.
 */
export function* evaluate(facts: AlertFacts, settings: AlertSettings, nowMs: number): Steps<readonly Alert[]> {
  const { agents, firing } = facts
  const known = { firing, recall: recallOf(facts.keys) }
  const rule = (name: AlertRuleName): RuleInForce => ruleInForce(name, settings)
  const on = (name: AlertRuleName): RuleInForce[] => [rule(name)].filter(({ isEnabled }) => isEnabled)
  const alerts: Alert[] = []
  const drift = { down: rule('AgentSuccessDrift'), up: rule('AgentSuccessRose') }
  if (drift.down.isEnabled || drift.up.isEnabled) alerts.push(...(yield* driftAlertSteps(agents, drift, known, nowMs)))
  for (const one of on('AgentMissesTarget'))
    alerts.push(...(yield* targetAlertSteps(agents, settings.targets, one, known, nowMs)))
  for (const one of on('AgentOverconfident')) alerts.push(...(yield* confidenceAlertSteps(agents, one, known, nowMs)))
  if (facts.costs !== undefined) {
    for (const one of on('AgentCostPerSuccessRose'))
      alerts.push(...(yield* costAlertSteps(agents, facts.costs, one, firing, nowMs)))
  }
  for (const one of on('AgentSilent')) alerts.push(...silenceAlerts(facts.silences, one, firing, nowMs))
  const experiments = {
    better: rule('ExperimentVariantBetter'),
    worse: rule('ExperimentVariantWorse'),
    ratio: rule('ExperimentSampleRatioMismatch'),
  }
  if (Object.values(experiments).some(({ isEnabled }) => isEnabled))
    alerts.push(...(yield* experimentAlertSteps(facts.experiments, experiments, firing, nowMs)))
  for (const one of on('SidecarKeysRunningOut'))
    alerts.push(...limitAlerts(keysFilled(facts.usage), one, firing, nowMs))
  for (const one of on('SidecarArmsRunningOut'))
    alerts.push(...limitAlerts(armsFilled(facts.usage), one, firing, nowMs))
  const store = { failing: rule('SidecarStoreFailing'), degraded: rule('SidecarStoreDegraded') }
  alerts.push(...storeAlerts(facts.health, store, firing, nowMs))
  return alerts.sort(inOrder)
}

const rank = ({ severity }: Alert): number => ALERT_SEVERITIES.indexOf(severity)

const inOrder = (a: Alert, b: Alert): number => rank(a) - rank(b) || a.sinceMs - b.sinceMs
