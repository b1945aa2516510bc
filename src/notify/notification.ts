/** What a sink receives: one alert that fires or ended, in the terms that all sinks share. */
import { createHash } from 'node:crypto'
import type { Alert, AlertFigure } from '../core/alerts/alert.ts'
import type { AlertStatus, NotifiedEpisode } from '../core/alerts/lifecycle.ts'
import { type Pending, pendingKey } from './plan.ts'

export interface Notification {
  /** The same for every try, also after a restart: the `Idempotency-Key` of a webhook. */
  readonly key: string
  readonly pendingKey: string
  readonly notified: NotifiedEpisode
  readonly status: AlertStatus
  readonly alert: Alert
  /** The labels of the alert, with `alertname`, `severity` and `owner`. */
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  /** Absolute. */
  readonly links: Alert['links']
  readonly startsAtMs: number
  /** Undefined while it fires. */
  readonly endsAtMs: number | undefined
}

/** 128 bits. */
const KEY_DIGITS = 32

export interface NotificationOptions {
  /** The address of the sidecar, with a slash at its end. */
  readonly baseUrl: string
}

export function notificationOf(pending: Pending, { baseUrl }: NotificationOptions): Notification {
  const { id, episode } = pending
  const { alert, status, startedMs, endedMs } = episode
  const links = {
    page: absolute(alert.links.page, baseUrl),
    question: absolute(alert.links.question, baseUrl),
    runbook: absolute(alert.links.runbook, baseUrl),
  }
  return {
    key: createHash('sha256').update(pendingKey(pending)).digest('hex').slice(0, KEY_DIGITS),
    pendingKey: pendingKey(pending),
    notified: { id, startedMs, status },
    status,
    alert,
    labels: new Map([
      ...alert.labels,
      ['alertname', alert.rule],
      ['severity', alert.severity],
      // Those of its beginning: the end of an alert with other labels is that of another alert.
      ...(alert.owner === undefined ? [] : [['owner', alert.owner] as const]),
    ]),
    annotations: annotationsOf(alert, links),
    links,
    // Alertmanager refuses an alert that begins after its end.
    startsAtMs: Math.min(alert.sinceMs, startedMs),
    endsAtMs: endedMs,
  }
}

function annotationsOf(alert: Alert, links: Alert['links']): Map<string, string> {
  return new Map([
    ['summary', printable(alert.summary)],
    ['description', [alert.evidence, ...alert.figures.map(figureText)].map(printable).join('\n')],
    ['false_alarms', printable(alert.falseAlarms)],
    ['runbook_url', links.runbook],
    ['page_url', links.page],
    ['question_url', links.question],
  ])
}

/** `success rate: 90 % before, 52 % now (95 % interval 42.1 % to 61.9 %, n = 120)` */
export function figureText({ name, unit, before, after, interval, n }: AlertFigure): string {
  const of = (value: number): string => amount(value, unit)
  const change = before === null ? of(after) : `${of(before)} before, ${of(after)} now`
  const range = interval === null ? '' : `95 % interval ${of(interval.low)} to ${of(interval.high)}, `
  return `${name}: ${change} (${range}n = ${n})`
}

function amount(value: number, unit: AlertFigure['unit']): string {
  const digits = Number(value.toPrecision(3))
  switch (unit) {
    case 'percent':
      return `${digits} %`
    case 'seconds':
      return `${digits} s`
    case 'usd':
      return `$${digits}`
    case 'count':
      return String(value)
  }
}

/** Control characters, and those that reorder text or are invisible. A name may hold them to look like another one, or to begin a line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** A text in one line, in which every outside name reads as it is. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, '\uFFFD')

/** A link below the address of the sidecar. A bar would end the address of a link in Slack. */
function absolute(link: string, baseUrl: string): string {
  const url = URL.parse(link, baseUrl)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href.replaceAll('|', '%7C') : baseUrl
}
