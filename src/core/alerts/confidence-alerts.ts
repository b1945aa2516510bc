/** AgentOverconfident: the confidence that an agent states is no longer believable. */
import { statedConfidences } from '../aggregate/summary.ts'
import { ENTRIES_PER_STEP } from '../reports/drift-watch.ts'
import { percent } from '../reports/rate.ts'
import { createShortfallDetector, type Shortfall } from '../statistics/shortfall.ts'
import { KEYS_PER_STEP, type Steps } from '../steps.ts'
import { type ConfidentOutcome, latestConfidenceSteps, type WatchedAgent } from './agents.ts'
import type { Alert } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, percentText, rateFigure, short } from './make-alert.ts'
import { type Recall, recalledSteps, startOf } from './recall.ts'
import type { RuleInForce } from './settings.ts'
import { isShort, shortfallThreshold } from './target-alerts.ts'

/** One alert for each agent whose attempts succeed less often than the confidence of each of them less the threshold of the rule. */
export function* confidenceAlertSteps(
  agents: readonly WatchedAgent[],
  rule: RuleInForce,
  { firing, recall }: { readonly firing: Firing; readonly recall: Recall },
  nowMs: number,
): Steps<readonly Alert[]> {
  const confident = yield* confidentSteps(agents)
  const threshold = shortfallThreshold(confident.length)
  const margin = (rule.threshold ?? 0) / 100
  const alerts: Alert[] = []
  for (const { name, keys, changes } of confident) {
    const basis = [changes, keys.length, threshold, margin]
    const start = startOf(recall, `confidence of ${name}`)
    const state = yield* recalledSteps(recall.overconfidence, name, basis, function* () {
      return yield* shortfallSteps(yield* latestConfidenceSteps(keys, start), threshold, margin)
    })
    yield
    const labels: Finding['labels'] = [['agent_name', name]]
    if (!isShort(state, threshold, isFiring(firing, 'AgentOverconfident', labels))) continue
    const { evidence, sinceMs } = state
    const since = (yield* latestConfidenceSteps(keys, start)).filter(({ ms }) => ms >= sinceMs)
    const finding = findingOf(
      name,
      since,
      `Evidence ${evidence.toFixed(1)}, and an alarm needs ${threshold.toFixed(1)}`,
    )
    alerts.push(makeAlert(rule, { ...finding, labels, sinceMs }, firing, nowMs))
  }
  return alerts
}

/** The agents that stated a confidence. */
function* confidentSteps(agents: readonly WatchedAgent[]): Steps<readonly WatchedAgent[]> {
  const confident: WatchedAgent[] = []
  for (const [i, agent] of agents.entries()) {
    if (agent.keys.some(({ summary }) => statedConfidences(summary) > 0)) confident.push(agent)
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return confident
}

function* shortfallSteps(attempts: readonly ConfidentOutcome[], threshold: number, margin: number): Steps<Shortfall> {
  const detector = createShortfallDetector(threshold)
  for (const [i, { ms, confidence, success }] of attempts.entries()) {
    detector.add(confidence - margin, success ? 1 : 0, 1, ms)
    if ((i + 1) % ENTRIES_PER_STEP === 0) yield
  }
  return detector.state()
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
