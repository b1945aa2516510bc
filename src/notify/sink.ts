/** A sink: where notifications go. */
import type { Notification } from './notification.ts'

export type SendResult =
  | { readonly status: 'sent' }
  /** Send it again later. If the sink stated a time, not before `afterMs` milliseconds. */
  | { readonly status: 'retry'; readonly reason: string; readonly afterMs?: number | undefined }
  /** Do not send it again: the sink does not accept it. */
  | { readonly status: 'refused'; readonly reason: string }

export interface Sink {
  readonly name: string
  readonly type: string
  /** How many notifications one request holds. One request at a time is sent. */
  readonly maxBatch: number
  /** Whether the sink forgets a firing alert unless it is sent again. */
  readonly isRefreshed: boolean
  /** Sends notifications together. Never rejects. */
  send(notifications: readonly Notification[], context: SendContext): Promise<SendResult>
}

export interface SendContext {
  readonly nowMs: number
  readonly signal: AbortSignal
}
