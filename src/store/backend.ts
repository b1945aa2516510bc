/** What a kind of store provides. Each stands in a folder of its own, and store/open.ts lists them. */
import type { Tally } from '../core/aggregate/tally.ts'
import type { Clock, ObservedStore, Store } from '../core/ports.ts'
import type { StoreMetric } from '../core/store-metrics.ts'
import type { KeptEvents } from './events.ts'
import type { Logger } from './logger.ts'

export interface BackendOptions {
  readonly clock: Clock
  /** A clock that never jumps, by which ids age. Without one they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Logger | undefined
  /** Empty; nothing else may count into it while the store is open. */
  readonly tally: Tally
  /** Ids of attempts that are remembered, and for how long. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** Attempts that may wait for the log. */
  readonly maxPendingAttempts?: number | undefined
}

/** A store that tells of itself and of what it keeps. */
export interface OpenStore extends ObservedStore {
  readonly events: KeptEvents
}

export interface ReadOptions extends Pick<BackendOptions, 'clock' | 'log'> {
  /** Makes an empty tally: each time the store is read, it is counted into a new one. */
  readonly createTally: () => Tally
}

export interface Backend {
  /** Whether a target of this scheme is its own; undefined where it is a path. */
  opens(scheme: string | undefined): boolean
  /** Rejects with an error that says what is wrong with the target. */
  open(target: string, options: BackendOptions): Promise<OpenStore>
  /** Rejects with the error that {@link open} would reject with for reasons that lie in the target; changes nothing. */
  check(target: string): Promise<void>
  /** Opens a store for questions only: changes nothing, and works beside a process that writes it. */
  openToRead(target: string, options: ReadOptions): Promise<Store>
  /** The metrics that its stores have of their own, in the order they are exposed. */
  readonly metrics: readonly StoreMetric[]
}
