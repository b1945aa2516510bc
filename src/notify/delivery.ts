/**
 * Notifies one sink, one request at a time. What is pending is asked before each request, so that of an alert that ended meanwhile only the end is sent,
 * and nothing is lost when the process ends. A sink that fails delays no other.
 */
import type { Logger } from 'pino'
import type { Notification } from './notification.ts'
import type { SendResult, Sink } from './sink.ts'

/** The delay of the first retry, and the longest one, in milliseconds. */
const BACKOFF_MS = { first: 1000, last: 300_000 }

export interface SinkCounts {
  sent: number
  failed: number
  dropped: number
}

export interface DeliveryOptions {
  readonly sink: Sink
  /** What the sink must receive, oldest first. At most `limit`. */
  pending(limit: number): readonly Notification[]
  /** The sink has received these, or does not accept them. Never rejects. */
  notified(notifications: readonly Notification[]): Promise<void>
  readonly counts: SinkCounts
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly clock: () => number
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number
  /** Waits. Resolves early if the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Delivery {
  readonly name: string
  /** Something may be pending. */
  kick(): void
  /** Sends firing alerts again, behind what is pending. They are dropped if that fails: the next refresh comes soon. */
  refresh(notifications: readonly Notification[]): void
  /** Waits for the request in progress for up to `graceMs`, and starts no other. */
  close(graceMs: number): Promise<void>
  /** Resolves when nothing is pending. */
  idle(): Promise<void>
}

/** It is long because its functions share the state of the sink. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { sink, pending, notified, counts, log, clock, random, pause } = options
  const stop = new AbortController()
  const abandon = new AbortController()
  let running: Promise<void> | undefined
  let isKicked = false
  let refreshed: readonly Notification[] = []
  let failures = 0
  let isRefusing = false
  /** One by one after a refused request, which may hold others that the sink accepts. */
  let single = 0

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      isKicked = false
      const limit = single > 0 ? 1 : sink.maxBatch
      const batch = pending(limit)
      if (batch.length === 0) {
        const again = refreshed.slice(0, limit)
        refreshed = refreshed.slice(limit)
        if (again.length > 0) await send(again)
        else if (!isKicked) return
        continue
      }
      await deliver(batch)
    }
  }

  async function deliver(batch: readonly Notification[]): Promise<void> {
    const result = await send(batch)
    if (result.status === 'retry') return await backOff(result)
    if (result.status === 'refused' && batch.length > 1) {
      single = batch.length
      return
    }
    single = Math.max(0, single - 1)
    if (result.status === 'sent') counts.sent += batch.length
    else counts.failed += batch.length
    await notified(batch)
  }

  async function send(batch: readonly Notification[]): Promise<SendResult> {
    const result = await sink.send(batch, { nowMs: clock(), signal: abandon.signal })
    report(result)
    failures = result.status === 'retry' ? failures + 1 : 0
    return result
  }

  /** The first failure of an outage, and its end. */
  function report(result: SendResult): void {
    const who = { sink: sink.name, type: sink.type }
    if (result.status === 'sent') {
      if (failures > 0 || isRefusing) log.info(who, 'the sink accepts notifications again')
      isRefusing = false
    } else if (result.status === 'refused') {
      if (!isRefusing)
        log.warn(
          { ...who, reason: result.reason, remedy: result.remedy },
          'the sink refuses notifications: they are not sent again',
        )
      isRefusing = true
    } else if (failures === 0 && !abandon.signal.aborted) {
      log.warn(
        { ...who, reason: result.reason, remedy: result.remedy },
        'the sink does not accept notifications: they are tried again',
      )
    }
  }

  async function backOff({ afterMs = 0 }: { readonly afterMs?: number | undefined }): Promise<void> {
    counts.failed++
    const ceiling = Math.min(BACKOFF_MS.last, BACKOFF_MS.first * 2 ** Math.min(failures - 1, 30))
    await pause(Math.max(afterMs, (ceiling * (1 + random())) / 2), stop.signal)
  }

  function kick(): void {
    isKicked = true
    if (stop.signal.aborted) return
    running ??= run().finally(() => {
      running = undefined
      if (isKicked) kick()
    })
  }

  return {
    name: sink.name,
    kick,
    refresh(notifications) {
      refreshed = notifications
      kick()
    },
    async close(graceMs) {
      stop.abort()
      const end = setTimeout(() => abandon.abort(), graceMs)
      await running
      clearTimeout(end)
    },
    async idle() {
      while (running !== undefined) await running
    },
  }
}
