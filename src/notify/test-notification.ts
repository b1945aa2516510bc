/** The notification of `alerts test`. */
import { alertId } from '../core/alerts/alert.ts'
import { type Notification, type NotificationOptions, notificationOf } from './notification.ts'

/** The name of its rule. No rule has it, so that no real alert is taken for a test. */
export const TEST_RULE = 'TestNotification'

/** It began at `nowMs`. */
export function testNotification(nowMs: number, options: NotificationOptions): Notification {
  const alert = {
    rule: TEST_RULE,
    labels: new Map([['agent_name', 'test']]),
    severity: 'info',
    sinceMs: nowMs,
    summary: 'This is a test: notifications of agent-performance arrive here.',
    evidence: 'Somebody ran "agent-performance alerts test". Nothing is wrong.',
    falseAlarms: 'always: it is a test.',
    figures: [
      { name: 'success rate', unit: 'percent', before: 90, after: 60, interval: { low: 50, high: 70 }, n: 100 },
    ],
    links: { page: '', question: 'api/v1/report', runbook: 'docs/notifications.md' },
  } as const
  const episode = { alert, status: 'firing', startedMs: nowMs, endedMs: undefined, sinks: new Map() } as const
  return notificationOf({ id: alertId(alert), episode, notifiedMs: undefined }, options)
}
