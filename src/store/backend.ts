/** The interface of a storage backend. Each backend has its own folder, and store/open.ts lists them. */
import type { Tally } from '../core/aggregate/tally.ts'
import type { AlertLog } from '../core/alerts/lifecycle.ts'
import type { KeptEvents } from '../core/events.ts'
import type { FoldState, Limits } from '../core/fold.ts'
import type { Log, LogInfo, LogReach, NewerRecord, StoredRecords } from '../core/log.ts'
import type { Clock, ObservedStore, Store } from '../core/ports.ts'
import type { Logger } from './logger.ts'

export interface BackendOptions {
  readonly clock: Clock
  /** A monotonic clock in milliseconds, by which attempt ids age. Without it they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Logger | undefined
  /** Must be empty. Nothing else may write to it while the store is open. */
  readonly tally: Tally
  /** Whether limits that are larger than those of a shared store raise them for all its sidecars. */
  readonly raiseLimits?: boolean | undefined
  /** Limits of the dedup window. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** Where attempts are kept while the server of the store is away. Without it they are refused. A store in files needs none. */
  readonly spool?: SpoolPlace | undefined
  /** Called where another process wrote a record that this version cannot read: nothing is stored or counted any more, until it is replaced. */
  readonly onNewerRecord?: ((error: NewerRecord) => void) | undefined
  /** Whether a server that may lose acknowledged attempts in a crash is refused. */
  readonly requireDurable?: boolean | undefined
  /** The maximum number of attempts that wait for the log. */
  readonly maxPendingAttempts?: number | undefined
}

/** A folder for the spools of stores. */
export interface SpoolPlace {
  readonly folder: string
  /** Whether the folder is for one sidecar only. Otherwise each sidecar and store gets a folder of its own in it. */
  readonly isOwn: boolean
  readonly maxBytes: number
}

/** An open store with its metrics and events. */
export interface OpenStore extends ObservedStore {
  readonly events: KeptEvents
  readonly alerts: AlertLog
  /** Properties that all sidecars of the store share. */
  readonly info: Pick<LogInfo, 'id'>
}

export interface ReadOptions extends Pick<BackendOptions, 'clock' | 'log'> {
  /** Creates an empty tally. Called for each try to read the store. */
  readonly createTally: () => Tally
}

/** A store that is open for questions, and its content for a copy. */
export interface ReadableStore extends Store {
  /** The folded state at the moment of opening. It never changes. */
  readonly state: Readonly<FoldState>
  /** The limits in force, also where they were raised. */
  readonly limits: Limits
  /** How a document of this state says where in the log it stands. */
  readonly covers: object
  /** The part of the log that is still stored. */
  reach(): Promise<LogReach>
  /** {@link Log.stored}, up to the moment of opening. */
  stored(): AsyncIterable<StoredRecords>
}

export interface Backend {
  /** Rejects with an error that names the target and the reason. */
  open(target: string, options: BackendOptions): Promise<OpenStore>
  /** Rejects with the error of {@link open} if the target cannot be opened. Changes nothing. */
  check(target: string): Promise<void>
  /** Opens a store for questions only. Changes nothing, and works while another process writes the store. */
  openToRead(target: string, options: ReadOptions): Promise<ReadableStore>
  /** Opens the log alone, and creates it if needed. Rejects as {@link open}, and with `LogNotEmpty` if the target holds something but a log. */
  openLog(target: string, options: BackendOptions): Promise<Log>
}
