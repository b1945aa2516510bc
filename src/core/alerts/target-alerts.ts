/** AgentMissesTarget: a success rate below the target that the settings state. */
import type { KeySummary } from '../ports.ts'
import { ENTRIES_PER_STEP, type EntriesStart } from '../reports/drift-watch.ts'
import { createShortfallDetector, END_SHARE, type Shortfall } from '../statistics/shortfall.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { countsSinceSteps, latestOutcomeSteps, type WatchedAgent } from './agents.ts'
import type { Alert, SuccessTarget } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, percentText, rateFigure, short } from './make-alert.ts'
import { type Basis, type Recall, recalledSteps, roundedTests, startOf } from './recall.ts'
import { ATTEMPTS_TO_FALSE_ALARM } from './rules.ts'
import type { RuleInForce } from './settings.ts'

/** The keys that share a target. */
interface Targeted {
  readonly labels: Finding['labels']
  readonly keys: readonly KeySummary[]
  /** What the result depends on, without the thresholds. */
  readonly basis: Basis
  readonly minSuccessRate: number
}

/** One alert for each target that is missed, and for each agent that misses the threshold of the rule and that no target names. */
export function* targetAlertSteps(
  agents: readonly WatchedAgent[],
  targets: readonly SuccessTarget[],
  rule: RuleInForce,
  { firing, recall }: { readonly firing: Firing; readonly recall: Recall },
  nowMs: number,
): Steps<readonly Alert[]> {
  const targeted = yield* targetedSteps(agents, targets, rule.threshold)
  const threshold = shortfallThreshold(targeted.length)
  const alerts: Alert[] = []
  for (const one of targeted) {
    const { labels, minSuccessRate } = one
    const basis = [...one.basis, threshold, minSuccessRate]
    const name = JSON.stringify(labels)
    const state = yield* recalledSteps(recall.targets, name, basis, () =>
      shortfallSteps(one, threshold, startOf(recall, `target of ${name}`)),
    )
    yield
    if (!isShort(state, threshold, isFiring(firing, 'AgentMissesTarget', labels))) continue
    alerts.push(makeAlert(rule, yield* findingSteps(one, state, threshold), firing, nowMs))
  }
  return alerts
}

function* shortfallSteps({ keys, minSuccessRate }: Targeted, threshold: number, start: EntriesStart): Steps<Shortfall> {
  const detector = createShortfallDetector(threshold)
  for (const [i, { ms, successes, attempts }] of (yield* latestOutcomeSteps(keys, start)).entries()) {
    detector.add(minSuccessRate / 100, successes, attempts, ms)
    if ((i + 1) % ENTRIES_PER_STEP === 0) yield
  }
  return detector.state()
}

/** The threshold of the evidence for one of `groups` groups, so that all together raise at most one false alarm in 1,000 attempts of each. */
export const shortfallThreshold = (groups: number): number =>
  Math.log(ATTEMPTS_TO_FALSE_ALARM * Math.max(1, roundedTests(groups)))

/** Whether there is an alarm, or an alert that fires has not reached its end. */
export function isShort({ isAlarm, evidence }: Shortfall, threshold: number, lasts: boolean): boolean {
  return isAlarm || (lasts && evidence > END_SHARE * threshold)
}

function* targetedSteps(
  agents: readonly WatchedAgent[],
  targets: readonly SuccessTarget[],
  ofAgents: number | undefined,
): Steps<readonly Targeted[]> {
  const targeted: Targeted[] = []
  for (const { labels, minSuccessRate } of targets) {
    const keys: KeySummary[] = []
    let [changes, lastMs] = [0, 0]
    for (const agent of agents) {
      const before = keys.length
      yield* forEachKey(agent.keys, entry => {
        if ([...labels].every(([name, value]) => entry.key[name] === value)) keys.push(entry)
      })
      if (keys.length === before) continue
      // Their times too: where one agent is over and another one is back, the changes of both may be as many.
      changes += agent.changes
      lastMs += agent.lastMs
    }
    const basis = [changes, lastMs, keys.length]
    if (keys.length > 0) targeted.push({ labels: [...labels], keys, basis, minSuccessRate })
  }
  if (ofAgents === undefined) return targeted
  const named = new Set(targets.map(({ labels }) => labels.get('agent_name')))
  for (const { name, keys, changes } of agents) {
    if (!named.has(name))
      targeted.push({ labels: [['agent_name', name]], keys, basis: [changes, keys.length], minSuccessRate: ofAgents })
  }
  return targeted
}

function* findingSteps(
  { labels, keys, minSuccessRate }: Targeted,
  { evidence, sinceMs }: Shortfall,
  threshold: number,
): Steps<Finding> {
  const figure = rateFigure('success rate', null, yield* countsSinceSteps(keys, sinceMs))
  const selected = Object.fromEntries(labels)
  const who = labels.length === 0 ? 'all attempts' : labels.map(([, value]) => short(value)).join(' ')
  const { low, high } = figure.interval!
  return {
    labels,
    sinceMs,
    summary: shortened(
      `The success rate of ${who} is ${percentText(figure.after)}, below its target of ${minSuccessRate} %.`,
    ),
    evidence: `Evidence ${evidence.toFixed(1)} of a shortfall, and an alarm needs ${threshold.toFixed(1)}. Of the ${figure.n} attempts since then ${percentText(figure.after)} succeeded (95 % interval ${low.toFixed(1)} to ${percentText(high)}).`,
    figures: [
      figure,
      { name: 'target', unit: 'percent', before: null, after: minSuccessRate, interval: null, n: figure.n },
    ],
    page: 'agent_name' in selected ? pathOf('agent', selected) : pathOf('now', selected),
    question: pathOf('api/v1/trends', selected),
  }
}

/** Three long names may not fit. */
function shortened(summary: string): string {
  const characters = Array.from(summary)
  return characters.length <= 120 ? summary : `${characters.slice(0, 119).join('')}…`
}
