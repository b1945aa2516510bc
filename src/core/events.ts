/** Events of recorded attempts for consumers. store/events.ts publishes them. */
import type { AgentAttempt, AttemptKey } from './attempt/attempt.ts'
import type { LogRecord, Outcome, OutcomeRecord } from './fold.ts'

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

/** What `GET /api/v1/stream` sends, by the name of the event. */
export interface StreamEvents {
  /** The first event: the id of the newest attempt, behind which the stream continues, and the sidecar's time. */
  readonly hello: { readonly newest_id: string; readonly time: string }
  readonly attempt: AgentAttempt
  readonly outcome: StreamOutcome
  readonly summary: StreamSummary
  /** Attempts are missing before this event: ask the questions again. */
  readonly resync: { readonly reason: ResyncReason }
  /** The sidecar shuts down. Connect again with the last id. */
  readonly bye: { readonly reason: 'shutdown' }
}

/**
 * Why attempts are missing. `unknown_id`: the sidecar restarted, or the last id is too old. `slow`: the client read too slowly. `reloaded`: the
 * sidecar read its state again. `behind`: the sidecar could not follow. `reset`: all metrics were reset.
 */
export type ResyncReason = 'unknown_id' | 'slow' | 'reloaded' | 'behind' | 'reset'

/** What became known of an attempt later, the names of the attempt, and the result that counts from now on. */
export interface StreamOutcome extends AttemptKey, Outcome {
  readonly timestamp: string
  readonly counts: OutcomeRecord['counts']
}

/** What changed since the last summary, at most once a second. */
export interface StreamSummary {
  readonly time: string
  readonly attempts: number
  readonly successes: number
  /** Whether other records changed answers too, such as outcomes, experiment plans and metric points. */
  readonly others: boolean
  /** Keys with new attempts, at most 100. */
  readonly keys: readonly AttemptKey[]
  /** Whether `keys` are complete. */
  readonly complete: boolean
}

/** An event of the stream. `id` identifies the position behind it, to resume from. */
export type StreamEvent = {
  readonly [Name in keyof StreamEvents]: {
    readonly event: Name
    readonly data: StreamEvents[Name]
    readonly id?: string | undefined
  }
}[keyof StreamEvents]
