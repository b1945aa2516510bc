/**
 * The lifecycle of alerts: which fire, since when, what each sink received, and which sidecar sends them. It is folded from the log, so that it
 * survives restarts, and is the same for all sidecars of a store.
 */
import { type Alert, alertId } from './alert.ts'

export type AlertStatus = 'firing' | 'resolved'

/** One period in which an alert fires, from its first notification to the last sink that received its end. */
export interface AlertEpisode {
  /** As it was when it began to fire. Later numbers are not sent. */
  readonly alert: Alert
  readonly status: AlertStatus
  /** When its first record was written, in milliseconds since the epoch. Together with the alert, it identifies the episode. */
  readonly startedMs: number
  /** When it ended. Undefined while it fires. */
  readonly endedMs: number | undefined
  /** The sinks that must know of it, and when they received the current status. Undefined if they have not. */
  readonly sinks: ReadonlyMap<string, number | undefined>
}

/** Which sidecar sends the alerts of a store. */
export interface AlertLease {
  /** The writer of the log. Undefined if it was given back. */
  readonly holder: string | undefined
  /** Each change of the lease has the next number. */
  readonly version: number
  /** The holder sends alerts for so long after a change. */
  readonly ttlMs: number
  /** When it was changed, by the clock of the holder. */
  readonly atMs: number
}

export interface AlertsState {
  /** Episodes by {@link alertId}. Those that ended stay until each sink has received the end. */
  readonly episodes: Map<string, AlertEpisode>
  lease: AlertLease | undefined
}

export function createAlertsState(): AlertsState {
  return { episodes: new Map(), lease: undefined }
}

export function copyAlerts({ episodes, lease }: Readonly<AlertsState>): AlertsState {
  return { episodes: new Map(episodes), lease }
}

/** The alerts that fire, by their ids, and when their episodes began, in milliseconds since the epoch. */
export function firingStarts({ episodes }: Readonly<AlertsState>): ReadonlyMap<string, number> {
  return new Map([...episodes].flatMap(([id, { status, startedMs }]) => (status === 'firing' ? [[id, startedMs]] : [])))
}

/** Replaces a state in place: others hold a reference to it. */
export function replaceAlerts(into: AlertsState, from: Readonly<AlertsState>): void {
  const entries = [...from.episodes]
  into.episodes.clear()
  for (const [id, episode] of entries) into.episodes.set(id, episode)
  into.lease = from.lease
}

/** What a sink received of an episode. */
export interface NotifiedEpisode {
  readonly id: string
  readonly startedMs: number
  readonly status: AlertStatus
}

export type AlertChange =
  /** An alert fires. If it fires already, the sinks that are new are added to it. */
  | { readonly change: 'fire'; readonly alert: Alert; readonly sinks: readonly string[] }
  | { readonly change: 'resolve'; readonly id: string; readonly startedMs: number }
  /** A sink received these notifications, or does not accept them. */
  | { readonly change: 'notified'; readonly sink: string; readonly episodes: readonly NotifiedEpisode[] }
  /** Takes, renews or gives back the lease, unless another sidecar changed it behind version `after`. */
  | {
      readonly change: 'lease'
      readonly holder: string | undefined
      readonly after: number
      readonly ttlMs: number
    }

/** The alerts of a store, and how a sidecar changes them. */
export interface AlertLog {
  readonly state: Readonly<AlertsState>
  /** Identifies this sidecar among those of the store. Undefined if only one process can open the store. */
  readonly writer: string | undefined
  /** Appends a change durably. Resolves with false if it changes nothing. Rejects with `StoreUnavailable`. */
  record(change: AlertChange): Promise<boolean>
}

/** Applies a change that was recorded at a time. False if it changes nothing: another sidecar was first, or the episode is over. */
export function applyAlertChange(state: AlertsState, change: AlertChange, nowMs: number): boolean {
  switch (change.change) {
    case 'fire':
      return fire(state, change.alert, change.sinks, nowMs)
    case 'resolve':
      return resolve(state, change.id, change.startedMs, nowMs)
    case 'notified':
      return change.episodes.map(notified => notify(state, change.sink, notified, nowMs)).includes(true)
    case 'lease':
      if (change.after !== leaseVersion(state)) return false
      state.lease = { holder: change.holder, version: change.after + 1, ttlMs: change.ttlMs, atMs: nowMs }
      return true
  }
}

/** Whether a change would change the state. */
export function wouldChange(state: Readonly<AlertsState>, change: AlertChange, nowMs: number): boolean {
  return applyAlertChange(copyAlerts(state), change, nowMs)
}

/** The number of changes of the lease. */
export const leaseVersion = ({ lease }: Pick<AlertsState, 'lease'>): number => lease?.version ?? 0

function fire({ episodes }: AlertsState, alert: Alert, sinks: readonly string[], nowMs: number): boolean {
  const id = alertId(alert)
  const known = episodes.get(id)
  if (known?.status !== 'firing') {
    const pending = new Map(sinks.map(sink => [sink, undefined]))
    episodes.set(id, { alert, status: 'firing', startedMs: nowMs, endedMs: undefined, sinks: pending })
    return true
  }
  const added = sinks.filter(sink => !known.sinks.has(sink))
  if (added.length === 0) return false
  episodes.set(id, { ...known, sinks: new Map([...known.sinks, ...added.map(sink => [sink, undefined] as const)]) })
  return true
}

/** Its end must reach each sink that may have received its start, also if the answer of the sink was lost. */
function resolve({ episodes }: AlertsState, id: string, startedMs: number, nowMs: number): boolean {
  const known = episodes.get(id)
  if (known?.status !== 'firing' || known.startedMs !== startedMs) return false
  if (known.sinks.size === 0) episodes.delete(id)
  else {
    const pending = new Map([...known.sinks.keys()].map(sink => [sink, undefined]))
    // A clock may have been set back, or be that of another sidecar. An alert never ends before it begins.
    episodes.set(id, { ...known, status: 'resolved', endedMs: Math.max(nowMs, startedMs), sinks: pending })
  }
  return true
}

function notify({ episodes }: AlertsState, sink: string, notified: NotifiedEpisode, nowMs: number): boolean {
  const known = episodes.get(notified.id)
  if (known?.status !== notified.status || known.startedMs !== notified.startedMs || !known.sinks.has(sink))
    return false
  const sinks = new Map(known.sinks)
  if (notified.status === 'firing') sinks.set(sink, nowMs)
  else sinks.delete(sink)
  if (sinks.size === 0) episodes.delete(notified.id)
  else episodes.set(notified.id, { ...known, sinks })
  return true
}
