/** Alerts as an evaluation would find them. */
import type { Alert } from '../../src/core/alerts/alert.ts'
import type { AlertChange } from '../../src/core/alerts/lifecycle.ts'

export function anAlert(rule = 'AgentSuccessDrift', more: Partial<Alert> = {}): Alert {
  return {
    rule,
    labels: new Map([['agent_name', 'fixer']]),
    severity: 'warning',
    sinceMs: Date.parse('2026-03-01T11:00:00Z'),
    summary: 'The success rate of fixer fell from 90 % to 52 %.',
    evidence: 'e-value 1,204 against no change, over 120 attempts.',
    falseAlarms: 'At most one in 20 alerts of this rule is false.',
    figures: [
      { name: 'success rate', unit: 'percent', before: 90, after: 52, interval: { low: 42.1, high: 61.9 }, n: 120 },
    ],
    links: { page: 'trends?agent_name=fixer', question: 'api/v1/trends?agent_name=fixer', runbook: 'docs/alerts.md#x' },
    ...more,
  }
}

export function fires(rule?: string, sinks: readonly string[] = []): Extract<AlertChange, { change: 'fire' }> {
  return { change: 'fire', alert: anAlert(rule), sinks }
}

/** One of each kind of change. */
export const ALERT_CHANGES: readonly AlertChange[] = [
  { change: 'fire', alert: anAlert('Slow', { labels: new Map([['__proto__', 'a:b']]) }), sinks: ['ops', '__proto__'] },
  { change: 'resolve', id: '["Slow"]', startedMs: 5 },
  { change: 'notified', sink: 'ops', episodes: [{ id: '["Slow"]', startedMs: 5, status: 'resolved' }] },
  { change: 'lease', holder: 'one', after: 3, ttlMs: 60_000 },
  { change: 'lease', holder: undefined, after: 4, ttlMs: 60_000 },
]
