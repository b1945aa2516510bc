/** Pure decisions: which changes of the lifecycle an evaluation leads to, and what a sink must receive. */
import { type Alert, alertId } from '../core/alerts/alert.ts'
import type { AlertChange, AlertEpisode, AlertsState } from '../core/alerts/lifecycle.ts'

/** Alerts that are sent at the same time. Further ones are listed by the question `alerts`, and counted as dropped. */
export const MAX_EPISODES = 1000
/** How long a sink that fails is offered an end. An Alertmanager has ended the alert by itself long before. */
const KEEP_ENDED_MS = 7 * 86_400_000
/** How long a sink that is no longer configured may come back, for example because a change of the settings is undone. */
const KEEP_REMOVED_MS = 86_400_000

export interface PlanOptions {
  readonly sinks: readonly string[]
  isMuted(alert: Alert): boolean
  readonly nowMs: number
}

export interface Plan {
  readonly changes: readonly AlertChange[]
  /** Alerts that fire and are beyond {@link MAX_EPISODES}. */
  readonly dropped: number
}

/** The changes that make the episodes equal to the alerts that fire now. A muted alert begins no episode, and ends as others do. */
export function planChanges(
  { episodes }: Pick<AlertsState, 'episodes'>,
  alerts: readonly Alert[],
  { sinks, isMuted, nowMs }: PlanOptions,
): Plan {
  const changes: AlertChange[] = []
  const firing = new Set<string>()
  let [room, dropped] = [MAX_EPISODES - episodes.size, 0]
  for (const alert of alerts) {
    const id = alertId(alert)
    firing.add(id)
    const known = episodes.get(id)
    const isKnown = known?.status === 'firing'
    if (isMuted(alert) || (isKnown && sinks.every(sink => known.sinks.has(sink)))) continue
    if (known === undefined && room-- <= 0) dropped++
    else changes.push({ change: 'fire', alert: isKnown ? known.alert : alert, sinks })
  }
  for (const [id, { status, startedMs }] of episodes)
    if (status === 'firing' && !firing.has(id)) changes.push({ change: 'resolve', id, startedMs })
  return { changes: [...changes, ...forgotten(episodes, sinks, nowMs)], dropped }
}

/** Ends that no sink will receive any more. */
function forgotten(episodes: AlertsState['episodes'], sinks: readonly string[], nowMs: number): AlertChange[] {
  return [...episodes].flatMap(([id, { status, startedMs, endedMs, sinks: pending }]) => {
    const ageMs = nowMs - (endedMs ?? nowMs)
    if (status === 'firing' || ageMs < KEEP_REMOVED_MS) return []
    return [...pending.keys()]
      .filter(sink => ageMs >= KEEP_ENDED_MS || !sinks.includes(sink))
      .map(sink => ({ change: 'notified', sink, episodes: [{ id, startedMs, status }] }) as const)
  })
}

/** What a sink must receive. */
export interface Pending {
  readonly id: string
  readonly episode: AlertEpisode
  /** When the sink received the same before. Undefined if it has not. */
  readonly notifiedMs: number | undefined
}

/** The same for every try, also after a restart and by another sidecar. */
export function pendingKey({ id, episode: { startedMs, status }, notifiedMs = 0 }: Pending): string {
  return JSON.stringify([startedMs, status, notifiedMs, id])
}

export interface PendingOptions {
  readonly sink: string
  readonly nowMs: number
  /** Undefined: once. */
  readonly repeatMs: number | undefined
  isMuted(alert: Alert): boolean
}

/** What a sink must receive, oldest first. */
export function pendingFor({ episodes }: Pick<AlertsState, 'episodes'>, options: PendingOptions): Pending[] {
  const { sink } = options
  const pending: Pending[] = []
  for (const [id, episode] of episodes) {
    const notifiedMs = episode.sinks.get(sink)
    if (episode.sinks.has(sink) && isPending(episode, notifiedMs, options)) pending.push({ id, episode, notifiedMs })
  }
  return pending
}

function isPending(
  { status, alert }: AlertEpisode,
  notifiedMs: number | undefined,
  { nowMs, repeatMs, isMuted }: PendingOptions,
): boolean {
  if (status === 'resolved') return true
  if (isMuted(alert)) return false
  return notifiedMs === undefined || (repeatMs !== undefined && nowMs - notifiedMs >= repeatMs)
}

/** The firing alerts that a sink has received, to send them again. */
export function firingFor({ episodes }: Pick<AlertsState, 'episodes'>, sink: string): Pending[] {
  return [...episodes].flatMap(([id, episode]) => {
    const notifiedMs = episode.sinks.get(sink)
    return episode.status === 'firing' && notifiedMs !== undefined ? [{ id, episode, notifiedMs }] : []
  })
}
