/** Events of recorded attempts for consumers. store/events.ts publishes them. */
import type { AttemptKey } from './attempt/attempt.ts'
import type { LogRecord } from './fold.ts'

/** What a listener receives. */
export type KeptEvent =
  /** New records, in order. */
  | { readonly kind: 'kept'; readonly own: boolean; readonly records: readonly LogRecord[] }
  /** Replaces records beyond the bound of the buffer. */
  | KeptSummary
  /** The state was restored from a snapshot. A listener must read again what it derived from earlier events. */
  | { readonly kind: 'reloaded' }

export interface KeptSummary {
  readonly kind: 'summary'
  /** The number of attempts. */
  readonly attempts: number
  /** The number of them that this process appended. */
  readonly own: number
  /** Their keys, up to the bound. */
  readonly keys: readonly AttemptKey[]
  /** Whether {@link keys} are complete. */
  readonly isComplete: boolean
  /** The number of other records, such as points and resets. */
  readonly others: number
}

/** Returns or resolves when it is ready for the next event. Errors are logged, and the listener stays subscribed. */
export type KeptListener = (event: KeptEvent) => void | Promise<void>

export interface KeptEvents {
  /** Calls `listener` with all events from now on. Returns a function that ends the subscription. */
  subscribe(listener: KeptListener): () => void
}
