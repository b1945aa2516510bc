/** The log of the sidecar, in which an alert is one line. */
import { figureText, type Notification, printable } from '../notification.ts'
import type { Sink } from '../sink.ts'
import { timeText } from './http.ts'

export type AlertLogger = (level: 'info' | 'warn' | 'error', fields: object, message: string) => void

const MAX_BATCH = 100
const LEVELS = { critical: 'error', warning: 'warn', info: 'info' } as const

export function createLogSink(name: string, write: AlertLogger): Sink {
  return {
    name,
    type: 'log',
    maxBatch: MAX_BATCH,
    isRefreshed: false,
    async send(notifications) {
      for (const one of notifications)
        write(one.status === 'firing' ? LEVELS[one.alert.severity] : 'info', fieldsOf(one), textOf(one))
      return { status: 'sent' }
    },
  }
}

const textOf = ({ status, alert: { summary } }: Notification): string =>
  printable(status === 'firing' ? `alert: ${summary}` : `alert resolved: ${summary}`)

function fieldsOf({ status, alert, labels, links, startsAtMs, endsAtMs }: Notification): object {
  return {
    alert: alert.rule,
    status,
    labels: Object.fromEntries([...labels].map(([label, value]) => [label, printable(value)])),
    since: timeText(startsAtMs),
    ...(endsAtMs !== undefined && { ended: timeText(endsAtMs) }),
    figures: alert.figures.map(figure => printable(figureText(figure))),
    evidence: printable(alert.evidence),
    false_alarms: printable(alert.falseAlarms),
    runbook: links.runbook,
  }
}
