/** AgentCostPerSuccessRose: a success of an agent costs more than before. */
import { costs, type Summary } from '../aggregate/summary.ts'
import { costAnswer } from '../reports/cost-report.ts'
import { countsOf, totalsBy } from '../reports/groups.ts'
import { type CostRatio, costRatio } from '../statistics/cost-ranking.ts'
import type { Steps } from '../steps.ts'
import type { WatchedAgent } from './agents.ts'
import type { Alert, AlertFigure } from './alert.ts'
import type { CostPeriods } from './cost-periods.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, short } from './make-alert.ts'
import { COST_ALPHA } from './rules.ts'
import type { RuleInForce } from './settings.ts'

/** One alert for each agent whose cost ratio reaches the threshold of the rule, with a confidence interval above 1. */
export function* costAlertSteps(
  agents: readonly WatchedAgent[],
  { sinceMs, compared, before, after }: CostPeriods,
  rule: RuleInForce,
  firing: Firing,
  nowMs: number,
): Steps<readonly Alert[]> {
  const [earlier, later] = [yield* totalsBy(before, ['agent_name']), yield* totalsBy(after, ['agent_name'])]
  const threshold = rule.threshold ?? 1
  const alerts: Alert[] = []
  for (const { name } of agents) {
    const [first, second] = [earlier.agent_name.get(name), later.agent_name.get(name)]
    if (first === undefined || second === undefined) continue
    yield
    const ratio = costRatio(countsAndCosts(first), countsAndCosts(second), COST_ALPHA / compared)
    const labels: Finding['labels'] = [['agent_name', name]]
    const lasts = isFiring(firing, 'AgentCostPerSuccessRose', labels)
    if (ratio === undefined || !(lasts ? isStillDear(ratio, threshold) : isDear(ratio, threshold))) continue
    const finding = { ...findingOf(name, first, second, ratio), labels, sinceMs }
    alerts.push(makeAlert(rule, finding, firing, nowMs))
  }
  return alerts
}

const isDear = ({ ratio, low }: CostRatio, threshold: number): boolean => ratio >= threshold && low > 1

/** An alert ends when the ratio is below half of the excess. An infinite interval keeps it: early in a day there are too few costs to decide. */
const isStillDear = ({ ratio, high }: CostRatio, threshold: number): boolean =>
  ratio >= 1 + (threshold - 1) / 2 || high === Number.POSITIVE_INFINITY

const countsAndCosts = (summary: Summary) => ({ ...countsOf(summary), costs: costs(summary) })

function findingOf(name: string, first: Summary, second: Summary, { ratio, low, high }: CostRatio): Finding {
  const [before, after] = [costAnswer(first).cost_per_success, costAnswer(second)]
  const figure: AlertFigure = {
    name: 'cost per success',
    unit: 'usd',
    before: before?.cost_usd ?? null,
    after: after.cost_per_success?.cost_usd ?? 0,
    interval: after.cost_per_success?.interval ?? null,
    n: after.total_attempts,
  }
  const bounds = `${low.toFixed(2)} to ${Number.isFinite(high) ? high.toFixed(2) : 'infinity'}`
  return {
    labels: [],
    summary: `A success of ${short(name)} costs ${ratio.toFixed(1)} times as much as in the 28 days before.`,
    evidence: `The ratio is ${ratio.toFixed(2)} (${bounds}, valid at every look of the day), of ${figure.n} attempts.`,
    figures: [figure],
    page: pathOf('costs', { agent_name: name }),
    question: pathOf('api/v1/costs', { agent_name: name, since: '2d' }),
  }
}
