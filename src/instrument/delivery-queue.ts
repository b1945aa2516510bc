/** The bounded queue between the coordinator and the keeper of attempts and outcomes. It keeps the order, with one batch in flight at a time. */
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import { type Backlog, createBacklog } from './backlog.ts'
import type { DeliveryItem } from './delivery-item.ts'
import { type DeliveryCounts, type Drain, drain } from './drain.ts'
import { MAX_TIMEOUT_MS } from './options.ts'
import { createPace } from './retry.ts'
import { currentProcess } from './runtime.ts'
import type { Spool } from './spool.ts'

/** How long the first attempt after an idle time waits for others to join its batch. */
const GATHER_MS = 100
/** How long the queue keeps an otherwise idle process alive, to deliver queued attempts. */
const EXIT_FLUSH_MS = 1_000
const DEFAULT_FLUSH_MS = 5_000

/** The context key with which the OpenTelemetry SDK suppresses tracing. Spans of the delivery itself are noise. */
const UNTRACED = ROOT_CONTEXT.setValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true)

/** Every added attempt and outcome is in exactly one of the counts. */
export interface DeliveryStats {
  /** Queued or in flight. Includes attempts that earlier processes left in the spool. */
  readonly queued: number
  /** Confirmed by the keeper. */
  readonly delivered: number
  /** Duplicates: an earlier try had arrived, but its answer was lost. */
  readonly duplicates: number
  readonly dropped: {
    /** The queue was full. The newest are dropped, because older ones may be in flight, and the rest stays without gaps. */
    readonly queue_full: number
    /** Rejected permanently, each by name, and outcomes of attempts that are not stored. */
    readonly rejected: number
    /** Added after `close`, or still queued when its timeout expired, and not in a spool. */
    readonly closed: number
  }
  /** Still queued when `close` expired. They stay in the spool, and the next process delivers them. */
  readonly spooled: number
  /** Tries that did not succeed. Their attempts were sent again, unless they were rejected. */
  readonly failures: number
  /** The last error message. */
  readonly last_failure: string | undefined
}

/** Delivers attempts in the background. Never throws or rejects. */
export interface Delivery {
  /** Queues a valid attempt with id and timestamp. Takes microseconds. */
  add(attempt: NewAttempt): void
  /** Queues a valid outcome that states its time, behind the attempts that were added before. */
  addOutcome(outcome: Outcome): void
  /**
   * Resolves with true when all attempts queued now are delivered or dropped, or with false after `timeoutMs` (5,000 by default). Keeps the
   * process alive until then. Ends a backoff early, but not a delay that the sidecar requested.
   */
  flush(timeoutMs?: number): Promise<boolean>
  /**
   * Accepts no more attempts, flushes, and after `timeoutMs` (5,000 by default) leaves the rest to the spool, or drops it. False if there was a
   * rest.
   */
  close(timeoutMs?: number): Promise<boolean>
  stats(): DeliveryStats
}

export interface QueueOptions extends Pick<Drain, 'send' | 'maxBatch' | 'say' | 'onRejected'> {
  /** Capacity in attempts. */
  readonly maxQueued: number
  readonly spool: Spool | undefined
}

/** Creates a queue that delivers with `send`. It keeps an otherwise idle process alive for one more second, to deliver queued attempts. */
export function createDeliveryQueue({ maxQueued, spool, ...options }: QueueOptions): Delivery {
  const { say } = options
  const backlog = createBacklog(maxQueued)
  const pace = createPace()
  const stop = new AbortController()
  const counts = createCounts()
  let loop: Promise<void> | undefined
  let closing: Promise<boolean> | undefined

  async function run(): Promise<void> {
    currentProcess()?.once?.('beforeExit', flushAtExit)
    await pace.gather(GATHER_MS)
    // Start again if an attempt was added just as the last one was delivered.
    while (backlog.size > 0 && !stop.signal.aborted) {
      const { signal } = stop
      await drain({ ...options, backlog, pace, counts, signal, forget: items => spool?.forget(items, backlog) })
    }
    currentProcess()?.off?.('beforeExit', flushAtExit)
    loop = undefined
  }

  const start = (): void => {
    loop ??= context.with(UNTRACED, run)
  }

  spool?.watch(backlog, start)

  function add(item: DeliveryItem): void {
    if (closing !== undefined) counts.dropped.closed++
    else if (!backlog.push(item)) {
      counts.dropped.queue_full++
      say('delivery', () =>
        `the queue holds ${maxQueued} attempts and outcomes, and drops newer ones. ${counts.last_failure ?? ''}`.trimEnd(),
      )
    } else {
      spool?.keep(item)
      start()
    }
  }

  function flush(timeoutMs = DEFAULT_FLUSH_MS): Promise<boolean> {
    pace.hurry()
    return isDrainedWithin(backlog, Math.min(timeoutMs, MAX_TIMEOUT_MS))
  }

  function flushAtExit(): void {
    void flush(EXIT_FLUSH_MS)
  }

  async function shut(timeoutMs: number | undefined): Promise<boolean> {
    const whole = await flush(timeoutMs)
    stop.abort()
    pace.stop()
    await loop
    const isSpooled = spool?.leave(backlog) ?? false
    if (isSpooled) counts.spooled += backlog.size
    else counts.dropped.closed += backlog.size
    backlog.release(backlog.size)
    return whole
  }

  return {
    add,
    addOutcome: add,
    flush,
    close: timeoutMs => {
      closing ??= shut(timeoutMs)
      return closing
    },
    stats: () => ({ ...counts, queued: backlog.size, dropped: { ...counts.dropped } }),
  }
}

/** Resolves with true when all attempts queued now are removed, or with false after the timeout. */
function isDrainedWithin(backlog: Backlog, timeoutMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => {
      cancel()
      resolve(false)
    }, timeoutMs)
    const cancel = backlog.whenDrained(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}

function createCounts(): DeliveryCounts {
  const dropped = { queue_full: 0, rejected: 0, closed: 0 }
  return { delivered: 0, duplicates: 0, spooled: 0, failures: 0, dropped, last_failure: undefined }
}
