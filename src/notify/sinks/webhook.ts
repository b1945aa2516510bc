/** A webhook that takes the payload of Alertmanager, version 4. What takes Alertmanager takes this sidecar. */
import { createHmac } from 'node:crypto'
import type { HttpSink } from '../../config/sinks.ts'
import type { Notification } from '../notification.ts'
import type { Sink } from '../sink.ts'
import { createHttpSink, timeText } from './http.ts'

/** The time that Alertmanager states as the end of an alert that fires: the zero time of Go. */
const NO_TIME = '0001-01-01T00:00:00Z'

/** One alert per request, so that its id is the same for every try. */
export function createWebhookSink(config: HttpSink, baseUrl: string): Sink {
  return createHttpSink(config, {
    maxBatch: 1,
    isRefreshed: false,
    message: notifications => ({
      body: payloadOf(notifications, config.name, baseUrl),
      headers: { 'Idempotency-Key': notifications.map(({ key }) => key).join('-') },
    }),
    sign(body, { secret }, { nowMs }) {
      if (secret === undefined) return {}
      const timestamp = String(Math.floor(nowMs / 1000))
      return {
        'X-Agent-Performance-Timestamp': timestamp,
        'X-Agent-Performance-Signature': `sha256=${signature(secret, timestamp, body)}`,
      }
    },
  })
}

/** The HMAC-SHA256 (RFC 2104) of `TIMESTAMP.BODY` in hex digits. The timestamp lets a receiver refuse old requests. */
function signature(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}

function payloadOf(notifications: readonly Notification[], receiver: string, baseUrl: string): object {
  const [first] = notifications
  const labels = Object.fromEntries(first?.labels ?? [])
  return {
    version: '4',
    groupKey: `{}:${groupText(first?.labels ?? new Map())}`,
    truncatedAlerts: 0,
    status: notifications.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
    receiver,
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations: Object.fromEntries(first?.annotations ?? []),
    externalURL: baseUrl,
    alerts: notifications.map(alertOf),
  }
}

const inOrder = (labels: ReadonlyMap<string, string>): [string, string][] =>
  [...labels].sort(([a], [b]) => (a < b ? -1 : 1))

/** `{alertname="AgentSilent", severity="warning"}`: the same for all notifications of an alert. */
function groupText(labels: ReadonlyMap<string, string>): string {
  return `{${inOrder(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(', ')}}`
}

function alertOf({ status, labels, annotations, startsAtMs, endsAtMs, links }: Notification): object {
  return {
    status,
    labels: Object.fromEntries(labels),
    annotations: Object.fromEntries(annotations),
    startsAt: timeText(startsAtMs),
    endsAt: endsAtMs === undefined ? NO_TIME : timeText(endsAtMs),
    generatorURL: links.page,
    fingerprint: fingerprint(labels),
  }
}

const FNV_OFFSET = 0xcbf29ce484222325n
const FNV_PRIME = 0x100000001b3n
const SEPARATOR = 0xff

/** The fingerprint that Prometheus and Alertmanager compute of labels: FNV-1a of 64 bits over names and values in order, each with a separator. */
export function fingerprint(labels: ReadonlyMap<string, string>): string {
  let sum = FNV_OFFSET
  for (const text of inOrder(labels).flat())
    for (const byte of [...Buffer.from(text), SEPARATOR]) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * FNV_PRIME)
  return sum.toString(16).padStart(16, '0')
}
