/** The interface of a storage backend. Each backend has its own folder, and store/open.ts lists them. */
import type { Tally } from '../core/aggregate/tally.ts'
import type { KeptEvents } from '../core/events.ts'
import type { Clock, ObservedStore, Store } from '../core/ports.ts'
import type { Logger } from './logger.ts'

export interface BackendOptions {
  readonly clock: Clock
  /** A monotonic clock in milliseconds, by which attempt ids age. Without it they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Logger | undefined
  /** Must be empty. Nothing else may write to it while the store is open. */
  readonly tally: Tally
  /** Limits of the dedup window. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** The maximum number of attempts that wait for the log. */
  readonly maxPendingAttempts?: number | undefined
  /** Rejects a store whose server may lose acknowledged attempts when it crashes. */
  readonly requireDurable?: boolean | undefined
}

/** An open store with its metrics and events. */
export interface OpenStore extends ObservedStore {
  readonly events: KeptEvents
}

export interface ReadOptions extends Pick<BackendOptions, 'clock' | 'log'> {
  /** Creates an empty tally. Called for each try to read the store. */
  readonly createTally: () => Tally
}

export interface Backend {
  /** Rejects with an error that names the target and the reason. */
  open(target: string, options: BackendOptions): Promise<OpenStore>
  /** Rejects with the error of {@link open} if the target cannot be opened. Changes nothing. */
  check(target: string): Promise<void>
  /** Opens a store for questions only. Changes nothing, and works while another process writes the store. */
  openToRead(target: string, options: ReadOptions): Promise<Store>
}
