/** The JSON of the lifecycle of alerts, in records of the log and in snapshots. */
import type { Alert } from '../core/alerts/alert.ts'
import {
  type AlertChange,
  type AlertEpisode,
  type AlertLease,
  type AlertsState,
  createAlertsState,
} from '../core/alerts/lifecycle.ts'

/** Outside names stay values: the labels are pairs. */
type StoredAlert = Omit<Alert, 'labels'> & { readonly labels: readonly (readonly [string, string])[] }

type StoredChange =
  | Exclude<AlertChange, { readonly change: 'fire' }>
  | { readonly change: 'fire'; readonly alert: StoredAlert; readonly sinks: readonly string[] }

const storedAlert = (alert: Alert): StoredAlert => ({ ...alert, labels: [...alert.labels] })
const alertOf = (alert: StoredAlert): Alert => ({ ...alert, labels: new Map(alert.labels) })

export function storedChange(change: AlertChange): StoredChange {
  return change.change === 'fire' ? { ...change, alert: storedAlert(change.alert) } : change
}

/** The change of parsed JSON. Undefined if its kind is unknown. JSON has no undefined: a lease without a holder lacks the member. */
export function changeOf(value: unknown): AlertChange | undefined {
  if (typeof value !== 'object' || value === null || !('change' in value)) return undefined
  const change = value as StoredChange
  switch (change.change) {
    case 'fire':
      return { ...change, alert: alertOf(change.alert) }
    case 'lease':
      return { ...change, holder: change.holder }
    case 'resolve':
    case 'notified':
      return change
    default:
      return undefined
  }
}

interface StoredState {
  readonly episodes: readonly (Omit<AlertEpisode, 'alert' | 'sinks'> & {
    readonly id: string
    readonly alert: StoredAlert
    readonly sinks: readonly (readonly [sink: string, notifiedMs: number | null])[]
  })[]
  readonly lease?: AlertLease | undefined
}

/** Names the meaning of {@link alertsJson}. Change it with the text. */
export const ALERTS_LAYOUT = 'episodes by id, with their owners, notified times by sink, lease by version'

export function alertsJson({ episodes, lease }: Readonly<AlertsState>): string {
  const state: StoredState = {
    episodes: [...episodes].map(([id, { alert, sinks, ...episode }]) => ({
      ...episode,
      id,
      alert: storedAlert(alert),
      sinks: [...sinks].map(([sink, notifiedMs]) => [sink, notifiedMs ?? null]),
    })),
    lease,
  }
  return JSON.stringify(state)
}

/** The state of {@link alertsJson}. */
export function alertsOf(json: string): AlertsState {
  const { episodes, lease }: StoredState = JSON.parse(json)
  const into = createAlertsState()
  for (const { id, alert, sinks, status, startedMs, endedMs } of episodes) {
    const notified = new Map(sinks.map(([sink, notifiedMs]) => [sink, notifiedMs ?? undefined]))
    into.episodes.set(id, { alert: alertOf(alert), status, startedMs, endedMs, sinks: notified })
  }
  into.lease = lease && { ...lease, holder: lease.holder }
  return into
}
