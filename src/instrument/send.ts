/** Sends one batch, and classifies the result. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import { areOutcomes } from './delivery-item.ts'
import { messageOf } from './problems.ts'
import {
  type AttemptKeeper,
  type OutcomeReceipt,
  type Receipt,
  type RejectedAttempt,
  readOutcomeReceipt,
  readReceipt,
} from './receipt.ts'
import { unref } from './runtime.ts'

/** The result of a try. */
export type SendOutcome =
  | { readonly kind: 'kept'; readonly receipt: Receipt | OutcomeReceipt }
  /** These attempts of the batch are invalid. The others may succeed at once. */
  | { readonly kind: 'rejected'; readonly rejected: readonly RejectedAttempt[]; readonly detail: string }
  /** Half of the batch may succeed at once. */
  | { readonly kind: 'too_large'; readonly detail: string }
  | Failure

/** The same batch may succeed later. */
export interface Failure {
  readonly kind: 'failed'
  readonly detail: string
  readonly retryAfterMs?: number | undefined
  /**
   * What may have to change: nothing (`passing`: no connection, a time-out, an overload), what is set up (`refused`: a wrong URL or token), or
   * an attempt that the target cannot digest (`suspect`).
   */
  readonly cause: 'passing' | 'refused' | 'suspect'
}

/** Tries once. Resolves with a failure soon after `signal` aborts. Rejects if the batch itself cannot be sent. */
export type Send = (batch: readonly NewAttempt[] | readonly Outcome[], signal: AbortSignal) => Promise<SendOutcome>

/** The receipt that an answer to a batch holds. Undefined if it does not account for every item. */
export function receiptOf(
  answer: unknown,
  batch: readonly NewAttempt[] | readonly Outcome[],
): Receipt | OutcomeReceipt | undefined {
  return areOutcomes(batch) ? readOutcomeReceipt(answer, batch.length) : readReceipt(answer, batch.length)
}

async function recordIn(keeper: AttemptKeeper, batch: readonly NewAttempt[] | readonly Outcome[]) {
  if (!areOutcomes(batch)) return await keeper.recordAttempts(batch)
  if (keeper.recordOutcomes === undefined) throw new Error('the target takes no outcomes')
  return await keeper.recordOutcomes(batch)
}

/** Sends batches to a keeper in this process. A batch without an answer within `timeoutMs` is retried. */
export function createKeeperSend(keeper: AttemptKeeper, timeoutMs: number): Send {
  return async (batch, signal) => {
    let stop: (reason: Error) => void = () => undefined
    const stopped = new Promise<never>((_, reject) => {
      stop = reject
    })
    const onAbort = (): void => stop(new Error('stopped'))
    const timer = setTimeout(() => stop(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    unref(timer)
    signal.addEventListener('abort', onAbort)
    try {
      const answer = await Promise.race([recordIn(keeper, batch), stopped])
      const receipt = receiptOf(answer, batch)
      if (answer.error === undefined && receipt !== undefined) return { kind: 'kept', receipt }
      const detail = messageOf(answer.error ?? 'the answer does not account for every item of the batch')
      return { kind: 'failed', cause: 'passing', detail }
    } catch (error) {
      return { kind: 'failed', cause: 'passing', detail: messageOf(error) }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }
}
