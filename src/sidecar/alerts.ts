/** Evaluates and notifies the alerts of a sidecar. */
import type { Logger } from 'pino'
import type { AlertsConfig } from '../config/alerts.ts'
import { findAlerts } from '../core/alerts/find-alerts.ts'
import { isMuted } from '../core/alerts/mute.ts'
import { runYielding } from '../lib/event-loop.ts'
import { createNotifier, type Notifier, type NotifierFacts, refreshMsOf } from '../notify/notifier.ts'
import { createSinks } from '../notify/sinks/sinks.ts'
import type { OpenStore } from '../store/backend.ts'

/** Before the notifier is open. */
export const NO_NOTIFICATIONS: NotifierFacts = {
  counts: new Map(),
  pending: () => new Map(),
  evaluationSeconds: undefined,
}

export interface AlertsOptions {
  readonly config: AlertsConfig
  readonly store: OpenStore
  /** The URL of the sidecar, with the base path. */
  readonly url: string
  readonly log: Logger
}

export function openAlerts({ config, store, url, log }: AlertsOptions): Notifier {
  const { settings, intervalMs, repeatMs, externalUrl } = config
  const baseUrl = externalUrl ?? `${url}/`
  const notifier = createNotifier({
    evaluate: nowMs => findAlerts(store, settings, nowMs, runYielding),
    isMuted: (alert, nowMs) => isMuted(alert, settings.mutes, nowMs),
    alerts: store.alerts,
    sinks: createSinks(config.sinks, {
      baseUrl,
      refreshMs: refreshMsOf(intervalMs),
      write: (level, fields, message) => log[level](fields, message),
    }),
    baseUrl,
    intervalMs,
    repeatMs,
    log,
    clock: Date.now,
    monotonic: () => performance.now(),
  })
  notifier.start()
  return notifier
}
