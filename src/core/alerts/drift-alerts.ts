/** AgentSuccessDrift and AgentSuccessRose: the drift of keys and agents, with one threshold for all of them. */
import { parseTimestamp } from '../attempt/timestamp.ts'
import type { KeySummary } from '../ports.ts'
import { detectAgentSteps, detectKey, isMonitored, KEYS_READ_PER_STEP } from '../reports/drift-watch.ts'
import type { Drift, DriftDetector } from '../statistics/drift.ts'
import { commonThreshold, driftThreshold } from '../statistics/drift-threshold.ts'
import { END_SHARE } from '../statistics/shortfall.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { countsSinceSteps, type WatchedAgent } from './agents.ts'
import type { Alert } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, percentText, rateFigure, short } from './make-alert.ts'
import type { RuleInForce } from './settings.ts'

/** What is tested for a drift: one key of an agent, or all of its keys. */
interface Suspect {
  readonly agent: WatchedAgent
  readonly keys: readonly KeySummary[]
  readonly detector: DriftDetector
}

interface AgentDrift {
  readonly suspect: Suspect
  readonly drift: Drift
}

/** Statistics below this share of the lowest threshold can neither raise an alert nor keep one. */
const LEAST = END_SHARE * driftThreshold(1)

/** An agent drifts if one of its keys does, or all of them together. It gets one alert for each direction: that of the strongest drift. */
export function* driftAlertSteps(
  agents: readonly WatchedAgent[],
  rules: { readonly down: RuleInForce; readonly up: RuleInForce },
  firing: Firing,
  nowMs: number,
): Steps<readonly Alert[]> {
  const { suspects, common } = yield* suspectSteps(agents)
  const alerts: Alert[] = []
  for (const direction of ['down', 'up'] as const) {
    const rule = rules[direction]
    if (!rule.isEnabled) continue
    for (const found of strongest(suspects, direction, common, firing).values()) {
      alerts.push(makeAlert(rule, yield* findingSteps(found), firing, nowMs))
      yield
    }
  }
  return alerts
}

function* suspectSteps(
  agents: readonly WatchedAgent[],
): Steps<{ readonly suspects: readonly Suspect[]; readonly common: number }> {
  // The test of an agent with one key would be that of the key.
  const several = agents.filter(({ keys }) => keys.length > 1)
  let tests = several.length
  for (const { keys } of agents) {
    yield* forEachKey(keys, entry => {
      if (isMonitored(entry)) tests++
    })
  }
  const suspects: Suspect[] = []
  function add(agent: WatchedAgent, keys: readonly KeySummary[], detector: DriftDetector | null): void {
    if (detector !== null && detector.statistic() >= LEAST) suspects.push({ agent, keys, detector })
  }
  for (const agent of agents) {
    yield* forEachKey(agent.keys, entry => add(agent, [entry], detectKey(entry, tests)), KEYS_READ_PER_STEP)
  }
  for (const agent of several) {
    add(agent, agent.keys, yield* detectAgentSteps(agent.keys, tests))
    yield
  }
  const statistics = suspects.map(({ detector }) => detector.statistic())
  return { suspects, common: commonThreshold(statistics, tests) }
}

/** The strongest drift of each agent in a direction. One that fires lasts until its statistic is half of the threshold. */
function strongest(
  suspects: readonly Suspect[],
  direction: 'down' | 'up',
  common: number,
  firing: Firing,
): Map<string, AgentDrift> {
  const found = new Map<string, AgentDrift>()
  for (const suspect of suspects) {
    const { name } = suspect.agent
    const lasts = isFiring(firing, RULES[direction], [['agent_name', name]])
    const drift = suspect.detector.drift(lasts ? END_SHARE * common : common)
    if (drift.direction !== direction) continue
    const before = found.get(name)
    if (before === undefined || drift.statistic > before.drift.statistic) found.set(name, { suspect, drift })
  }
  return found
}

const RULES = { down: 'AgentSuccessDrift', up: 'AgentSuccessRose' } as const

function* findingSteps({ suspect, drift }: AgentDrift): Steps<Finding> {
  const { agent, keys } = suspect
  const { direction, statistic, threshold, began_at, expected_rate } = drift
  const sinceMs = began_at === null ? undefined : parseTimestamp(began_at)?.ms
  const counts = yield* countsSinceSteps(keys, sinceMs ?? Number.POSITIVE_INFINITY)
  const figure = rateFigure('success rate', expected_rate, counts)
  const key = keys.length === 1 ? keys[0]!.key : undefined
  const which = key === undefined ? 'over all its keys' : `with ${key.model_name} at ${key.issue_type}`
  const verb = direction === 'down' ? 'fell' : 'rose'
  const change = `${percentText(expected_rate ?? 0)} to ${percentText(figure.after)}`
  const selected = { agent_name: agent.name, model_name: key?.model_name, issue_type: key?.issue_type }
  return {
    labels: [['agent_name', agent.name]],
    sinceMs,
    summary: `The success rate of ${short(agent.name)} ${verb} from ${change}.`,
    evidence: `Log-likelihood ratio ${statistic.toFixed(1)} of a drift ${which}, and an alarm needs ${threshold.toFixed(1)}. ${counts.successes} of ${counts.attempts} attempts since then succeeded.`,
    figures: [figure],
    page: pathOf('agent', selected),
    question: pathOf('api/v1/trends', selected),
  }
}
