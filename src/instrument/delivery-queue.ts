/** The queue between the coordinator's work and whoever keeps the attempts: bounded, in order, one batch under way at a time. */
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { createBacklog } from './backlog.ts'
import { type DeliveryCounts, drain } from './drain.ts'
import { MAX_TIMEOUT_MS } from './options.ts'
import { createPace } from './retry.ts'
import type { Send } from './send.ts'

/** How long the first attempt after a quiet time waits for company. */
const GATHER_MS = 100
/** How long a process that has nothing left to do is kept alive for what is still queued. */
const EXIT_FLUSH_MS = 1_000
const DEFAULT_FLUSH_MS = 5_000

/** The key by which the OpenTelemetry SDK knows work that must leave no spans: ours would tell of nothing but itself. */
const UNTRACED = ROOT_CONTEXT.setValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true)

/** Every attempt that was ever added is in exactly one of the numbers. */
export interface DeliveryStats {
  /** Waiting, or under way. */
  readonly queued: number
  /** Kept, by the word of whoever keeps them. */
  readonly delivered: number
  /** Kept already when they came: an earlier try had got through, and only its answer was lost. */
  readonly duplicates: number
  readonly dropped: {
    /** There was no room. The newest are dropped: those before them may be under way, and what is kept then has no holes. */
    readonly queue_full: number
    /** Refused for good, one by one or, by a status such as 401, a batch at a time. */
    readonly rejected: number
    /** Came after `close`, or were still queued when its time was up. */
    readonly closed: number
  }
  /** What went wrong last, in the words of the other side. */
  readonly last_failure: string | undefined
}

/** Takes attempts off the coordinator's hands. Nothing here throws or rejects. */
export interface Delivery {
  /** Queues a sound attempt, in microseconds; its id and timestamp should be settled. */
  add(attempt: NewAttempt): void
  /**
   * Resolves to true when all that is queued now is delivered or dropped, or to false after `timeoutMs` (5,000 unless told), for so
   * long keeping the process alive. Cuts a backoff short, but not a wait that the other side asked for.
   */
  flush(timeoutMs?: number): Promise<boolean>
  /** Takes no more from now on, flushes, and drops what is left after `timeoutMs` (5,000 unless told): false where anything was. */
  close(timeoutMs?: number): Promise<boolean>
  stats(): DeliveryStats
}

/** Bounds, in attempts. */
export interface QueueBounds {
  readonly maxQueued: number
  readonly maxBatch: number
}

/** A queue before `send`. When the process runs out of other work, it is kept alive for one more second to deliver what is queued. */
export function createDeliveryQueue(send: Send, { maxQueued, maxBatch }: QueueBounds): Delivery {
  const backlog = createBacklog(maxQueued)
  const pace = createPace()
  const stop = new AbortController()
  const counts = createCounts()
  let loop: Promise<void> | undefined
  let closing: Promise<boolean> | undefined

  async function run(): Promise<void> {
    process.once('beforeExit', flushAtExit)
    await pace.gather(GATHER_MS)
    // Again, where one came just as the last one left.
    while (backlog.size > 0 && !stop.signal.aborted) {
      await drain({ backlog, send, maxBatch, pace, counts, signal: stop.signal })
    }
    process.off('beforeExit', flushAtExit)
    loop = undefined
  }

  function add(attempt: NewAttempt): void {
    if (closing !== undefined) counts.dropped.closed++
    else if (!backlog.push(attempt)) counts.dropped.queue_full++
    else loop ??= context.with(UNTRACED, run)
  }

  function flush(timeoutMs = DEFAULT_FLUSH_MS): Promise<boolean> {
    pace.hurry()
    return new Promise(resolve => {
      const giveUp = (): void => {
        forget()
        resolve(false)
      }
      const timer = setTimeout(giveUp, Math.min(timeoutMs, MAX_TIMEOUT_MS))
      const forget = backlog.whenDrained(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }

  function flushAtExit(): void {
    void flush(EXIT_FLUSH_MS)
  }

  async function shut(timeoutMs: number | undefined): Promise<boolean> {
    const whole = await flush(timeoutMs)
    stop.abort()
    pace.stop()
    await loop
    counts.dropped.closed += backlog.size
    backlog.release(backlog.size)
    return whole
  }

  return {
    add,
    flush,
    close: timeoutMs => {
      closing ??= shut(timeoutMs)
      return closing
    },
    stats: () => ({ ...counts, queued: backlog.size, dropped: { ...counts.dropped } }),
  }
}

function createCounts(): DeliveryCounts {
  return { delivered: 0, duplicates: 0, dropped: { queue_full: 0, rejected: 0, closed: 0 }, last_failure: undefined }
}
