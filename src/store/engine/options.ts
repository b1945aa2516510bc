/** Options of the engine. */
import type { FoldState, Limits } from '../../core/fold.ts'
import type { Log, NewerRecord } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'
import type { RetryTimes } from './outage.ts'
import type { CatchUpTimes } from './own-fold.ts'
import type { Restored } from './restore.ts'
import type { Spool } from './spool.ts'

export interface EngineOptions {
  readonly log: Log
  readonly clock: Clock
  /** A monotonic clock in milliseconds, by which attempt ids age. Without it they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly logger: Logger
  /** The maximum number of attempts that wait for the log. 100,000 by default. */
  readonly maxPendingAttempts?: number | undefined
  /** Where attempts are kept while the log is away. Without one they are refused. The engine closes it. */
  readonly spool?: Spool | undefined
  /** Limits to which those of a shared log are raised. */
  readonly raiseTo?: Limits | undefined
  /** Called where a record of a newer version ends all writing and folding of this process. */
  readonly onNewerRecord?: ((error: NewerRecord) => void) | undefined
  readonly times?: Partial<EngineTimes> | undefined
  /** Sources of outcomes whose results count before those of the sources behind them, and before all others. Without it, the latest counts. */
  readonly outcomeSources?: readonly string[] | undefined
}

export interface EngineTimes extends RetryTimes, CatchUpTimes {
  /** How often expired groups are deleted while nothing is recorded. Infinity for never. */
  readonly expireMs: number
}

/** The state of a log up to a position. */
export interface Folded extends Pick<Restored, 'position' | 'hasSnapshot' | 'records'> {
  readonly state: FoldState
}

/** A view that is derived from the state, such as the document. */
export interface View {
  /** Called if something was folded, or if the log is writable again. */
  changed(): void
  /** Writes the view for the last time. */
  close(): Promise<void>
}
