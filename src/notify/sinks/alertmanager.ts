/** An Alertmanager, by its API v2. Grouping, silences and routing stay there. */
import type { HttpSink } from '../../config/sinks.ts'
import type { Notification } from '../notification.ts'
import type { Sink } from '../sink.ts'
import { createHttpSink, timeText } from './http.ts'

/** As many as Prometheus sends at once. */
const MAX_BATCH = 64
/** A firing alert ends by itself so many periods after it was sent last, as those of Prometheus do. */
const PERIODS_TO_END = 4

/** `refreshMs` is how often firing alerts are sent again. */
export function createAlertmanagerSink(config: HttpSink, refreshMs: number): Sink {
  return createHttpSink(config, {
    maxBatch: MAX_BATCH,
    isRefreshed: true,
    urlOf: url => `${url.replace(/\/+$/, '')}/api/v2/alerts`,
    message: (notifications, { nowMs }) => ({
      body: notifications.map(one => alertOf(one, nowMs + PERIODS_TO_END * refreshMs)),
    }),
  })
}

function alertOf({ labels, annotations, startsAtMs, endsAtMs, links }: Notification, firesUntilMs: number): object {
  return {
    labels: Object.fromEntries(labels),
    annotations: Object.fromEntries(annotations),
    startsAt: timeText(startsAtMs),
    endsAt: timeText(endsAtMs ?? firesUntilMs),
    generatorURL: links.page,
  }
}
