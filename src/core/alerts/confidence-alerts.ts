/** AgentOverconfident: the confidence that an agent states is no longer believable. */
import { statedConfidences } from '../aggregate/summary.ts'
import { ENTRIES_PER_STEP } from '../reports/drift-watch.ts'
import { percent } from '../reports/rate.ts'
import { createShortfallDetector } from '../statistics/shortfall.ts'
import type { Steps } from '../steps.ts'
import { type ConfidentOutcome, latestConfidenceSteps, type WatchedAgent } from './agents.ts'
import type { Alert } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, percentText, rateFigure, short } from './make-alert.ts'
import type { RuleInForce } from './settings.ts'
import { isShort, shortfallThreshold } from './target-alerts.ts'

/** One alert for each agent whose attempts succeed less often than the confidence of each of them less the threshold of the rule. */
export function* confidenceAlertSteps(
  agents: readonly WatchedAgent[],
  rule: RuleInForce,
  firing: Firing,
  nowMs: number,
): Steps<readonly Alert[]> {
  const confident = agents.filter(({ keys }) => keys.some(({ summary }) => statedConfidences(summary) > 0))
  const threshold = shortfallThreshold(confident.length)
  const margin = (rule.threshold ?? 0) / 100
  const alerts: Alert[] = []
  for (const { name, keys } of confident) {
    const attempts = yield* latestConfidenceSteps(keys)
    const detector = createShortfallDetector(threshold)
    for (const [i, { ms, confidence, success }] of attempts.entries()) {
      detector.add(confidence - margin, success ? 1 : 0, 1, ms)
      if ((i + 1) % ENTRIES_PER_STEP === 0) yield
    }
    yield
    const labels: Finding['labels'] = [['agent_name', name]]
    if (!isShort(detector, threshold, isFiring(firing, 'AgentOverconfident', labels))) continue
    const { evidence, sinceMs } = detector.state()
    const since = attempts.filter(({ ms }) => ms >= sinceMs)
    const finding = findingOf(
      name,
      since,
      `Evidence ${evidence.toFixed(1)}, and an alarm needs ${threshold.toFixed(1)}`,
    )
    alerts.push(makeAlert(rule, { ...finding, labels, sinceMs }, firing, nowMs))
  }
  return alerts
}

function findingOf(name: string, attempts: readonly ConfidentOutcome[], evidence: string): Finding {
  const successes = attempts.filter(({ success }) => success).length
  const n = attempts.length
  const stated = percent(
    attempts.reduce((sum, { confidence }) => sum + confidence, 0),
    n,
  )
  const rate = rateFigure('success rate', null, { successes, attempts: n })
  return {
    labels: [],
    summary: `${short(name)} states a confidence of ${percentText(stated)}, and ${percentText(rate.after)} of its attempts succeed.`,
    evidence: `${evidence}. Of the ${n} attempts since then ${successes} succeeded.`,
    figures: [rate, { name: 'stated confidence', unit: 'percent', before: null, after: stated, interval: null, n }],
    page: pathOf('agent', { agent_name: name }),
    question: pathOf('api/v1/calibration', { agent_name: name }),
  }
}
