/** Sends one batch, and classifies the result. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { messageOf } from './problems.ts'
import { type AttemptKeeper, type Receipt, readReceipt } from './receipt.ts'

/** The result of a try. Only `retry` means that the same batch may succeed later. */
export type SendOutcome =
  | { readonly kind: 'kept'; readonly receipt: Receipt }
  | { readonly kind: 'retry'; readonly detail: string; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'too_large'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }

/** Tries once. Resolves with `retry` soon after `signal` aborts. Rejects if the batch itself cannot be sent. */
export type Send = (batch: readonly NewAttempt[], signal: AbortSignal) => Promise<SendOutcome>

/** Sends batches to a keeper in this process. A batch without an answer within `timeoutMs` is retried. */
export function createKeeperSend(keeper: AttemptKeeper, timeoutMs: number): Send {
  return async (batch, signal) => {
    const { promise: stopped, reject: stop } = Promise.withResolvers<never>()
    const onAbort = (): void => stop(new Error('stopped'))
    const timer = setTimeout(() => stop(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref()
    signal.addEventListener('abort', onAbort)
    try {
      const answer = await Promise.race([keeper.recordAttempts(batch), stopped])
      const receipt = readReceipt(answer, batch.length)
      if (answer.error === undefined && receipt !== undefined) return { kind: 'kept', receipt }
      return { kind: 'retry', detail: messageOf(answer.error ?? 'the answer does not account for every attempt') }
    } catch (error) {
      return { kind: 'retry', detail: messageOf(error) }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }
}
