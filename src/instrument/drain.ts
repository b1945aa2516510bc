/** Empties a backlog: one batch at a time, in order, with retries. */
import type { Backlog } from './backlog.ts'
import { messageOf, warn } from './problems.ts'
import type { Pace } from './retry.ts'
import type { Send, SendOutcome } from './send.ts'

/** The results of delivery, and why attempts were not delivered. */
export interface DeliveryCounts {
  delivered: number
  duplicates: number
  readonly dropped: { queue_full: number; rejected: number; closed: number }
  last_failure: string | undefined
}

export interface Drain {
  readonly backlog: Backlog
  readonly send: Send
  readonly maxBatch: number
  readonly pace: Pace
  readonly counts: DeliveryCounts
  /** Ends the loop. During a try, its batch stays in the backlog. */
  readonly signal: AbortSignal
}

/** Sends until the backlog is empty or `signal` is aborted. Never rejects. */
export async function drain({ backlog, send, maxBatch, pace, counts, signal }: Drain): Promise<void> {
  let size = maxBatch
  while (backlog.size > 0 && !signal.aborted) {
    const batch = backlog.peek(size)
    const outcome = splittable(await tryOnce(send, batch, signal), batch.length)
    count(counts, outcome, batch.length)
    if (outcome.kind === 'retry') await pace.afterFailure(outcome.retryAfterMs)
    else if (outcome.kind === 'too_large') size = Math.ceil(batch.length / 2)
    else {
      // Count and remove synchronously, so that every attempt is always in exactly one count.
      backlog.release(batch.length)
      pace.afterSuccess()
      size = Math.min(maxBatch, size * 2)
    }
  }
}

async function tryOnce(send: Send, batch: Parameters<Send>[0], signal: AbortSignal): Promise<SendOutcome> {
  try {
    return await send(batch, signal)
  } catch (error) {
    return { kind: 'refused', detail: messageOf(error) }
  }
}

/** Changes `too_large` to `refused` for a batch of one attempt, which cannot be split. */
function splittable(outcome: SendOutcome, size: number): SendOutcome {
  return outcome.kind === 'too_large' && size === 1 ? { kind: 'refused', detail: outcome.detail } : outcome
}

function count(counts: DeliveryCounts, outcome: SendOutcome, size: number): void {
  if (outcome.kind === 'kept') {
    const { accepted, duplicates, rejected } = outcome.receipt
    counts.delivered += accepted
    counts.duplicates += duplicates
    counts.dropped.rejected += rejected.length
    if (rejected[0] !== undefined) fail(counts, `rejected: ${JSON.stringify(rejected[0].errors)}`)
    return
  }
  if (outcome.kind === 'refused') counts.dropped.rejected += size
  fail(counts, outcome.detail)
}

function fail(counts: DeliveryCounts, detail: string): void {
  counts.last_failure = detail
  warn(() => `delivery: ${detail}`)
}
