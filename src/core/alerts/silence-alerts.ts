/** AgentSilent: an agent makes no attempts in hours in which it made some in each of the last weeks. */
import type { Alert, AlertFigure } from './alert.ts'
import type { Silence } from './facts.ts'
import { type Firing, makeAlert, pathOf, short } from './make-alert.ts'
import type { RuleInForce } from './settings.ts'

const HOUR_MS = 3_600_000
/** The least number of earlier weeks to compare with. A single week may have been unusual. */
const MIN_WEEKS = 2

/**
 * One alert for each agent that made at least as many attempts as the threshold in the same hours of each of the last weeks. The compared hours
 * begin at the last attempt, so that an alert also lasts through the night, until the next attempt.
 */
export function silenceAlerts(
  silences: readonly Silence[],
  rule: RuleInForce,
  firing: Firing,
  nowMs: number,
): readonly Alert[] {
  const alerts: Alert[] = []
  for (const { agent_name, lastMs, weeks } of silences) {
    const expected = Math.min(...weeks)
    const labels = [['agent_name', agent_name]] as const
    if (weeks.length < MIN_WEEKS || expected < (rule.threshold ?? 1)) continue
    const hours = Math.floor((nowMs - lastMs) / HOUR_MS)
    const figure: AlertFigure = {
      name: 'attempts in this time',
      unit: 'count',
      before: expected,
      after: 0,
      interval: null,
      n: 0,
    }
    const finding = {
      labels,
      sinceMs: lastMs,
      summary: `${short(agent_name)} has made no attempt for ${hours === 1 ? '1 hour' : `${hours} hours`}.`,
      evidence: `In the same hours of the last ${weeks.length} weeks it made ${weeks.join(', ')} attempts.`,
      figures: [figure],
      page: pathOf('attempts', { agent_name }),
      question: pathOf('api/v1/attempts', { agent_name }),
    }
    alerts.push(makeAlert(rule, finding, firing, nowMs))
  }
  return alerts
}
