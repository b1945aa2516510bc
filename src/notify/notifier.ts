/**
 * Sends alerts: evaluates the rules in intervals, records what begins and ends in the store, and sends to the sinks what the store says they do not
 * have. All that must survive is in the store, so that a start after a crash, or another sidecar, goes on where this one ended. The file is long
 * because its functions share the deliveries and what they sent.
 */
import type { Logger } from 'pino'
import { type Alert, alertId, type EvaluatedAlerts } from '../core/alerts/alert.ts'
import type { AlertChange, AlertLog } from '../core/alerts/lifecycle.ts'
import type { Clock } from '../core/ports.ts'
import { createDelivery, type Delivery, type SinkCounts } from './delivery.ts'
import { createLease } from './lease.ts'
import { createMemoryAlerts } from './memory-alerts.ts'
import { type Notification, type NotificationOptions, notificationOf } from './notification.ts'
import { firingFor, type Pending, type Plan, pendingFor, pendingKey, planChanges } from './plan.ts'
import { REQUEST_TIMEOUT_MS } from './post.ts'
import type { Sink } from './sink.ts'
import { pause, within } from './wait.ts'

/** Prometheus sends firing alerts again after a minute. */
const REFRESH_MS = 60_000
/** The lease lasts for so many intervals, and at least until a request that begins in it has ended. A request may begin in the first two. */
const LEASE_INTERVALS = 4
/** A record that takes longer is asked for again by the next evaluation. */
const RECORD_TIMEOUT_MS = 10_000
/** How long requests in progress may delay the shutdown. */
const CLOSE_MS = 2000

/** How often firing alerts are sent again to a sink that forgets them. */
export const refreshMsOf = (intervalMs: number): number => Math.max(REFRESH_MS, intervalMs)

/** Rules about the store. Their alerts cannot be recorded in it while it fails: then they are sent from memory, by each sidecar. */
const ABOUT_THE_STORE: ReadonlySet<string> = new Set(['SidecarStoreFailing', 'SidecarStoreDegraded'])

export interface NotifierOptions extends NotificationOptions {
  /** The alerts that fire at a time. */
  evaluate(nowMs: number): Promise<readonly Alert[]>
  isMuted(alert: Alert, nowMs: number): boolean
  readonly alerts: AlertLog
  readonly sinks: readonly Sink[]
  readonly intervalMs: number
  readonly repeatMs: number | undefined
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly clock: Clock
  readonly monotonic: Clock
  readonly random?: () => number
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Notifier {
  /** Evaluates and records once. Sinks are notified in the background. Never rejects. */
  tick(): Promise<void>
  /** Begins to evaluate in intervals. Does not keep the process alive. */
  start(): void
  /** Resolves when no sink is being notified. For tests. */
  idle(): Promise<void>
  readonly facts: NotifierFacts
  /** The last evaluation. Undefined before the first. */
  readonly latest: EvaluatedAlerts | undefined
  /** Stops within 2 s, without waiting for sinks that do not answer. What they did not receive is sent after the next start. */
  close(): Promise<void>
}

export interface NotifierFacts {
  /** By sink. */
  readonly counts: ReadonlyMap<string, Readonly<SinkCounts>>
  /** Notifications that a sink has not accepted yet, by sink. */
  pending(): ReadonlyMap<string, number>
  /** Of the last evaluation. Undefined before the first. */
  readonly evaluationSeconds: number | undefined
}

/** It is long because its functions share the deliveries and what they sent. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { evaluate, alerts, sinks, intervalMs, repeatMs, log, clock, monotonic } = options
  const ttlMs = Math.max(LEASE_INTERVALS * intervalMs, REQUEST_TIMEOUT_MS + 2 * intervalMs)
  const lease = createLease({ log: alerts, clock, monotonic, ttlMs, neededMs: REQUEST_TIMEOUT_MS })
  const unlogged = createMemoryAlerts(clock)
  const counts = new Map(sinks.map(({ name }) => [name, { sent: 0, failed: 0, dropped: 0 }]))
  const names = sinks.map(({ name }) => name)
  /** Sent, but not recorded yet, by sink and key. */
  const unrecorded = new Map(names.map(name => [name, new Map<string, Notification>()]))
  const refreshMs = refreshMsOf(intervalMs)
  let refreshedMs = Number.NEGATIVE_INFINITY
  let isFailing = false
  let evaluationSeconds: number | undefined
  let latest: EvaluatedAlerts | undefined
  let dropped = 0
  const closed = new AbortController()

  const isMuted = (alert: Alert): boolean => options.isMuted(alert, clock())
  const isLeading = (): boolean => lease.isHeldFor(REQUEST_TIMEOUT_MS)

  function pendingOf(sink: string, log: AlertLog): Pending[] {
    const sent = unrecorded.get(sink)
    const pending = pendingFor(log.state, { sink, nowMs: clock(), repeatMs, isMuted })
    return sent === undefined || sent.size === 0 ? pending : pending.filter(one => !sent.has(pendingKey(one)))
  }

  function nextOf(sink: string, limit: number): Notification[] {
    const pending = [...pendingOf(sink, unlogged), ...(isLeading() ? pendingOf(sink, alerts) : [])]
    return pending.slice(0, limit).map(one => notificationOf(one, options))
  }

  async function recordNotified(log: AlertLog, sink: string, notified: readonly Notification[]): Promise<void> {
    const episodes = notified.map(one => one.notified)
    await within(RECORD_TIMEOUT_MS, log.record({ change: 'notified', sink, episodes }))
    for (const { pendingKey } of notified) unrecorded.get(sink)?.delete(pendingKey)
  }

  const logOf = ({ notified: { id, startedMs } }: Notification): AlertLog =>
    unlogged.state.episodes.get(id)?.startedMs === startedMs ? unlogged : alerts

  async function notified(sink: string, notifications: readonly Notification[]): Promise<void> {
    for (const one of notifications) unrecorded.get(sink)?.set(one.pendingKey, one)
    for (const log of [unlogged, alerts]) {
      const some = notifications.filter(one => logOf(one) === log)
      // Recorded by a later evaluation: the store is away.
      if (some.length > 0) await recordNotified(log, sink, some).catch(() => undefined)
    }
  }

  const deliveries: readonly Delivery[] = sinks.map(sink =>
    createDelivery({
      sink,
      pending: limit => nextOf(sink.name, limit),
      notified: notifications => notified(sink.name, notifications),
      counts: counts.get(sink.name)!,
      log,
      clock,
      random: options.random ?? Math.random,
      pause: options.pause ?? pause,
    }),
  )

  async function record(change: AlertChange): Promise<void> {
    try {
      await within(RECORD_TIMEOUT_MS, alerts.record(change))
    } catch (error) {
      if (!isAboutStore(change)) throw error
      await unlogged.record(change)
    }
  }

  async function evaluated(): Promise<readonly Alert[]> {
    const startMs = monotonic()
    const atMs = clock()
    const found = await evaluate(atMs)
    latest = { alerts: found, atMs }
    evaluationSeconds = (monotonic() - startMs) / 1000
    return found
  }

  function planOf(found: readonly Alert[]): Plan {
    const isLogged = (alert: Alert): boolean => !unlogged.state.episodes.has(alertId(alert))
    return planChanges(alerts.state, found.filter(isLogged), { sinks: names, isMuted, nowMs: clock() })
  }

  async function update(): Promise<void> {
    lease.observe()
    const found = await evaluated()
    await updateUnlogged(found)
    const plan = planOf(found)
    countDropped(plan.dropped)
    const isRefreshDue = monotonic() - refreshedMs >= refreshMs && sinks.some(isKnownTo)
    const isPending = plan.changes.length > 0 || names.some(name => pendingOf(name, alerts).length > 0)
    if (!isPending && !isRefreshDue && !hasUnrecorded()) return
    const wasLeading = isLeading()
    const failure = await takeLead()
    if (failure === undefined && !isLeading()) return
    // Since then, this sidecar has read what the one before it did.
    const { changes } = wasLeading || alerts.writer === undefined ? plan : planOf(await evaluated())
    await recordAll(changes, failure)
    for (const [sink, sent] of unrecorded) if (sent.size > 0) await recordNotified(alerts, sink, [...sent.values()])
    if (isRefreshDue) refresh()
  }

  /** Resolves with the reason why the store cannot answer who leads. */
  async function takeLead(): Promise<unknown> {
    try {
      await within(RECORD_TIMEOUT_MS, lease.acquire())
      return undefined
    } catch (error) {
      return error
    }
  }

  /** While the store is away, only its own failure is sent. */
  async function recordAll(changes: readonly AlertChange[], reason: unknown): Promise<void> {
    let failure = reason
    for (const change of changes) {
      if (failure !== undefined && !isAboutStore(change)) continue
      await record(change).catch(error => {
        failure ??= error
      })
    }
    if (failure !== undefined) throw failure
  }

  function refresh(): void {
    refreshedMs = monotonic()
    for (const [i, sink] of sinks.entries())
      if (sink.isRefreshed)
        deliveries[i]!.refresh(firingFor(alerts.state, sink.name).map(one => notificationOf(one, options)))
  }

  const isKnownTo = ({ isRefreshed, name }: Sink): boolean => isRefreshed && firingFor(alerts.state, name).length > 0

  const hasUnrecorded = (): boolean => [...unrecorded.values()].some(({ size }) => size > 0)

  async function updateUnlogged(found: readonly Alert[]): Promise<void> {
    const known = found.filter(alert => unlogged.state.episodes.has(alertId(alert)))
    const { changes } = planChanges(unlogged.state, known, { sinks: names, isMuted, nowMs: clock() })
    for (const change of changes) await unlogged.record(change)
  }

  function countDropped(now: number): void {
    if (now > 0 && dropped === 0)
      log.warn({ alerts: now }, 'more alerts fire than are sent: see /api/v1/alerts for all of them')
    for (const count of counts.values()) count.dropped += Math.max(0, now - dropped)
    dropped = now
  }

  async function tick(): Promise<void> {
    try {
      await update()
      if (isFailing) log.info('alerts are evaluated and recorded again')
      isFailing = false
    } catch (error) {
      if (!isFailing)
        log.warn({ reason: messageOf(error) }, 'alerts cannot be evaluated or recorded: it is tried again')
      isFailing = true
    }
    for (const delivery of deliveries) delivery.kick()
  }

  let running: Promise<void> | undefined
  async function loop(): Promise<void> {
    while (!closed.signal.aborted) {
      await tick()
      await pause(intervalMs, closed.signal)
    }
  }

  return {
    tick,
    start() {
      running ??= loop()
    },
    async idle() {
      for (const delivery of deliveries) await delivery.idle()
    },
    facts: {
      counts,
      pending: () =>
        new Map(names.map(name => [name, pendingOf(name, alerts).length + pendingOf(name, unlogged).length])),
      get evaluationSeconds() {
        return evaluationSeconds
      },
    },
    get latest() {
      return latest
    },
    async close() {
      closed.abort()
      const stopped = Promise.all([running, ...deliveries.map(delivery => delivery.close(CLOSE_MS / 2))])
      await within(
        CLOSE_MS,
        stopped.then(() => lease.release()),
      ).catch(() => undefined)
    },
  }
}

const isAboutStore = (change: AlertChange): boolean =>
  change.change === 'fire' && ABOUT_THE_STORE.has(change.alert.rule)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300)
