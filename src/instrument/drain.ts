/** Empties a backlog: one batch at a time, in order, with retries. */
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import type { Backlog } from './backlog.ts'
import { areOutcomes, type DeliveryItem, firstOfOneKind } from './delivery-item.ts'
import { messageOf, type SayProblem, warn } from './problems.ts'
import type { RejectedAttempt } from './receipt.ts'
import type { Pace } from './retry.ts'
import type { Failure, Send, SendOutcome } from './send.ts'

/** A failure that passes by itself is said after this time: a sidecar that restarts is none of the user's business. */
const SAY_PASSING_AFTER_MS = 60_000

/** The results of delivery, and why attempts were not delivered. */
export interface DeliveryCounts {
  delivered: number
  duplicates: number
  spooled: number
  failures: number
  readonly dropped: { queue_full: number; rejected: number; closed: number }
  last_failure: string | undefined
}

/** An attempt that the target rejected permanently, and why. */
export interface RejectedDelivery {
  readonly attempt: NewAttempt
  readonly errors: readonly AttemptProblem[]
}

export type OnRejected = (rejected: readonly RejectedDelivery[]) => void

export interface Drain {
  readonly backlog: Backlog
  readonly send: Send
  readonly maxBatch: number
  readonly pace: Pace
  readonly counts: DeliveryCounts
  readonly say: SayProblem
  readonly onRejected: OnRejected | undefined
  /** Called with items that no longer have to be delivered, before they leave the backlog. */
  readonly forget: (items: readonly DeliveryItem[]) => void
  /** Ends the loop. During a try, its batch stays in the backlog. */
  readonly signal: AbortSignal
}

/**
 * Sends until the backlog is empty or `signal` is aborted. Never rejects. While a shared store is away, a sidecar with a spool takes attempts and
 * refuses outcomes. Attempts then go first: an outcome only has to follow its own attempt.
 */
export async function drain(options: Drain): Promise<void> {
  const { backlog, send, maxBatch, pace, counts, forget, signal } = options
  let size = maxBatch
  let failingSinceMs: number | undefined
  let outcomesFromMs = 0
  while (backlog.size > 0 && !signal.aborted) {
    const batch = firstOfOneKind(backlog.peek(size))
    const heldMs = areOutcomes(batch) ? outcomesFromMs - performance.now() : 0
    if (heldMs > 0) {
      if (!backlog.postponeOutcomes()) await pace.afterFailure(heldMs)
      continue
    }
    const outcome = splittable(await tryOnce(send, batch, signal), batch.length)
    if (outcome.kind !== 'failed') failingSinceMs = undefined
    // Count and remove synchronously, so that every attempt is always in exactly one count.
    switch (outcome.kind) {
      case 'kept':
        counts.delivered += outcome.receipt.accepted
        counts.duplicates += outcome.receipt.duplicates
        forget(batch)
        reject(options, batch, outcome.receipt.rejected)
        if ('unknown' in outcome.receipt) countUnknown(options, outcome.receipt.unknown)
        backlog.release(batch.length)
        pace.afterSuccess()
        size = Math.min(maxBatch, size * 2)
        break
      case 'rejected':
        forget(outcome.rejected.map(({ index }) => batch[index]!))
        reject(options, batch, outcome.rejected)
        backlog.remove(new Set(outcome.rejected.map(({ index }) => index)))
        break
      case 'too_large':
        fail(counts, outcome.detail)
        size = Math.ceil(batch.length / 2)
        break
      case 'failed':
        failingSinceMs ??= performance.now()
        fail(counts, outcome.detail)
        if (signal.aborted) break
        sayFailure(options, outcome, failingSinceMs)
        if (outcome.cause === 'suspect') size = setAside(backlog, batch.length)
        else if (areOutcomes(batch) && backlog.postponeOutcomes()) {
          outcomesFromMs = performance.now() + (outcome.retryAfterMs ?? 0)
          break
        }
        await pace.afterFailure(outcome.retryAfterMs)
    }
  }
}

async function tryOnce(send: Send, batch: Parameters<Send>[0], signal: AbortSignal): Promise<SendOutcome> {
  try {
    return await send(batch, signal)
  } catch (error) {
    // An attempt that cannot be serialized is found by halves.
    return { kind: 'too_large', detail: messageOf(error) }
  }
}

/** Changes `too_large` to `rejected` for a batch of one attempt, which cannot be split. */
function splittable(outcome: SendOutcome, size: number): SendOutcome {
  if (outcome.kind !== 'too_large' || size > 1) return outcome
  const { detail } = outcome
  return { kind: 'rejected', rejected: [{ index: 0, errors: [{ pointer: '', detail }] }], detail }
}

/** Finds the attempt that the target cannot digest by halves, and lets the others pass it. Returns the next size of a batch. */
function setAside(backlog: Backlog, size: number): number {
  if (size === 1) backlog.postpone()
  return Math.ceil(size / 2)
}

function reject(
  { counts, say, onRejected }: Drain,
  batch: readonly NewAttempt[] | readonly Outcome[],
  rejected: readonly RejectedAttempt[],
): void {
  const [first] = rejected
  if (first === undefined) return
  counts.dropped.rejected += rejected.length
  const detail = `rejected: ${JSON.stringify(first.errors)}`
  fail(counts, detail)
  say(
    'delivery',
    () =>
      `the target rejected ${rejected.length} of ${batch.length} ${areOutcomes(batch) ? 'outcomes' : 'attempts'} permanently: ${detail}`,
  )
  if (areOutcomes(batch)) return
  try {
    onRejected?.(rejected.map(({ index, errors }) => ({ attempt: batch[index]!, errors })))
  } catch (error) {
    warn(() => `onRejected: ${messageOf(error)}`)
  }
}

/** Outcomes of attempts that the target does not store, or not any more. It would not take them later either. */
function countUnknown({ counts, say }: Drain, unknown: readonly string[]): void {
  if (unknown.length === 0) return
  counts.dropped.rejected += unknown.length
  const detail = `no attempt has the id ${JSON.stringify(unknown[0])}`
  fail(counts, detail)
  say('delivery', () => `${unknown.length} outcomes were not recorded: ${detail}`)
}

function fail(counts: DeliveryCounts, detail: string): void {
  counts.failures++
  counts.last_failure = detail
  warn(() => `delivery: ${detail}`)
}

function sayFailure({ backlog, say }: Drain, { cause, detail }: Failure, sinceMs: number): void {
  if (cause === 'passing' && performance.now() - sinceMs < SAY_PASSING_AFTER_MS) return
  say('delivery', () => `${detail}. ${backlog.size} attempts wait, and are sent again. Check the URL and the token.`)
}
