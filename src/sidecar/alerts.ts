/** Evaluates and notifies the alerts of a sidecar. */
import type { Logger } from 'pino'
import type { AlertsConfig } from '../config/alerts.ts'
import type { Alert, AlertSettings } from '../core/alerts/alert.ts'
import { isMuted } from '../core/alerts/mute.ts'
import { createNotifier, type Notifier, type NotifierFacts, refreshMsOf } from '../notify/notifier.ts'
import { createSinks } from '../notify/sinks/sinks.ts'
import type { OpenStore } from '../store/backend.ts'

/** Finds the alerts of a store that fire at a time. */
export type Evaluate = (store: OpenStore, settings: AlertSettings, nowMs: number) => Promise<readonly Alert[]>

export const NO_RULES: Evaluate = async () => []

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
  readonly evaluate: Evaluate
  readonly log: Logger
}

export function openAlerts({ config, store, url, evaluate, log }: AlertsOptions): Notifier {
  const { settings, intervalMs, repeatMs, externalUrl } = config
  const baseUrl = externalUrl ?? `${url}/`
  const notifier = createNotifier({
    evaluate: nowMs => evaluate(store, settings, nowMs),
    isMuted: (alert, nowMs) => isMuted(alert, settings.mutes, nowMs),
    ownerOf: rule => settings.rules.get(rule)?.owner,
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
