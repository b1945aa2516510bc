/** AgentSuccessDrift and AgentSuccessRose: the drift of keys and agents, with one threshold for all of them. */
import { parseTimestamp } from '../attempt/timestamp.ts'
import type { KeySummary } from '../ports.ts'
import { detectAgentSteps, detectKey, isMonitored, KEYS_READ_PER_STEP } from '../reports/drift-watch.ts'
import type { Drift, DriftDetector } from '../statistics/drift.ts'
import { commonThreshold, driftThreshold } from '../statistics/drift-threshold.ts'
import { END_SHARE } from '../statistics/shortfall.ts'
import { forEachKey, KEYS_PER_STEP, type Steps } from '../steps.ts'
import { countsSinceSteps, type WatchedAgent } from './agents.ts'
import type { Alert } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, percentText, rateFigure, short } from './make-alert.ts'
import { type Recall, recalled, recalledSteps, roundedTests, startOf } from './recall.ts'
import type { RuleInForce } from './settings.ts'

/** What is tested for a drift: one key of an agent, or all of its keys. */
interface Suspect {
  readonly agent: WatchedAgent
  readonly keys: readonly KeySummary[]
  readonly statistic: number
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
  { firing, recall }: { readonly firing: Firing; readonly recall: Recall },
  nowMs: number,
): Steps<readonly Alert[]> {
  const tests = yield* testSteps(agents)
  const suspects = yield* suspectSteps(agents, tests, recall)
  const common = commonThreshold(
    suspects.map(({ statistic }) => statistic),
    tests,
  )
  const alerts: Alert[] = []
  for (const direction of ['down', 'up'] as const) {
    const rule = rules[direction]
    if (!rule.isEnabled) continue
    for (const found of (yield* strongestSteps(suspects, direction, { common, tests, firing })).values()) {
      alerts.push(makeAlert(rule, yield* findingSteps(found), firing, nowMs))
      yield
    }
  }
  return alerts
}

/** The test of an agent with one key would be that of the key. */
const isTested = ({ keys }: WatchedAgent): boolean => keys.length > 1

/** The number of tests, which raises their threshold. */
function* testSteps(agents: readonly WatchedAgent[]): Steps<number> {
  let tests = 0
  for (const agent of agents) {
    if (isTested(agent)) tests++
    yield* forEachKey(agent.keys, entry => {
      if (isMonitored(entry)) tests++
    })
  }
  return roundedTests(tests)
}

function* suspectSteps(agents: readonly WatchedAgent[], tests: number, recall: Recall): Steps<readonly Suspect[]> {
  const suspects: Suspect[] = []
  function add(agent: WatchedAgent, keys: readonly KeySummary[], statistic: number | null): void {
    if (statistic !== null && statistic >= LEAST) suspects.push({ agent, keys, statistic })
  }
  for (const agent of agents) {
    function test(entry: KeySummary): void {
      const basis = [entry.changes ?? Number.NaN, tests]
      const statistic = recalled(recall.keyDrifts, entry, basis, () => detectKey(entry, tests)?.statistic() ?? null)
      add(agent, [entry], statistic)
    }
    yield* forEachKey(agent.keys, test, KEYS_READ_PER_STEP)
  }
  for (const agent of agents) {
    if (!isTested(agent)) continue
    const { name, keys, changes } = agent
    const basis = [changes, keys.length, tests]
    const start = startOf(recall, `drift of ${name}`)
    const statistic = yield* recalledSteps(recall.agentDrifts, name, basis, function* () {
      return (yield* detectAgentSteps(keys, tests, undefined, start))?.statistic() ?? null
    })
    add(agent, keys, statistic)
    yield
  }
  return suspects
}

interface Thresholds {
  readonly common: number
  readonly tests: number
  readonly firing: Firing
}

/** The strongest drift of each agent in a direction. One that fires lasts until its statistic is half of the threshold. */
function* strongestSteps(
  suspects: readonly Suspect[],
  direction: 'down' | 'up',
  { common, tests, firing }: Thresholds,
): Steps<Map<string, AgentDrift>> {
  const found = new Map<string, AgentDrift>()
  for (const [i, suspect] of suspects.entries()) {
    if ((i + 1) % KEYS_PER_STEP === 0) yield
    const { name } = suspect.agent
    const lasts = isFiring(firing, RULES[direction], [['agent_name', name]])
    const limit = lasts ? END_SHARE * common : common
    if (suspect.statistic < limit) continue
    const drift = (yield* detectSteps(suspect, tests))?.drift(limit)
    if (drift?.direction !== direction) continue
    const before = found.get(name)
    if (before === undefined || drift.statistic > before.drift.statistic) found.set(name, { suspect, drift })
  }
  return found
}

/** Only statistics are recalled: detectors take more memory, and few are asked again. */
function* detectSteps({ keys }: Suspect, tests: number): Steps<DriftDetector | null> {
  return keys.length === 1 ? detectKey(keys[0]!, tests) : yield* detectAgentSteps(keys, tests)
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
