/** What an engine is given. */
import type { FoldState } from '../../core/fold.ts'
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
  /** Milliseconds since some moment, by a clock that never jumps: ids age by it. Without one they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly logger: Logger
  /** Attempts that may wait for the log: 100,000. */
  readonly maxPendingAttempts?: number | undefined
  /** Where attempts are kept while the log is away. Without one they are refused. The engine closes it. */
  readonly spool?: Spool | undefined
  /** Called where a record of a newer version ends all writing and folding of this process. */
  readonly onNewerRecord?: ((error: NewerRecord) => void) | undefined
  readonly times?: Partial<EngineTimes> | undefined
}

export interface EngineTimes extends RetryTimes, CatchUpTimes {
  /** How often what is too old is dropped though nothing is recorded. Infinity: never. */
  readonly expireMs: number
}

/** What a log folds into, up to a position. */
export interface Folded extends Pick<Restored, 'position' | 'hasSnapshot' | 'records'> {
  readonly state: FoldState
}

/** What else is made of the state, such as the document. */
export interface View {
  /** Something was folded, or the log can be written again. */
  changed(): void
  /** Makes it for the last time. */
  close(): Promise<void>
}
