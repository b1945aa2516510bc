/** The backends of logs that several sidecars share. */
import type { Clock } from '../../core/ports.ts'
import type { Backend, BackendOptions } from '../backend.ts'
import { SILENT } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { type LogLimits, limitsOf } from './limits.ts'
import { openOverLog } from './open.ts'
import { openLogReader } from './reader.ts'
import { DEFAULT_RETENTION, FOREVER, type Retention } from './retention.ts'
import { BadTarget, openingError, UnreadableServer, UnusableServer } from './server-errors.ts'
import type { SharedLog } from './shared-log.ts'

/** Receives a sentence about something that an operator should know. */
export type Warn = (message: string, detail: Readonly<Record<string, unknown>>) => void

/** A store, as `--store` names it. */
export interface SharedTarget {
  /** For messages, without a password. */
  readonly name: string
}

export interface SharedLogOptions<Target extends SharedTarget = SharedTarget> {
  readonly target: Target
  readonly clock: Clock
  /** Of a log that is created. A log that exists keeps its own. */
  readonly limits: LogLimits
  readonly retention: Retention
  /** Whether it is only asked: then the right to read is enough, and nothing is written. */
  readonly isReadOnly?: boolean | undefined
  readonly warn?: Warn | undefined
  /** Rejects with {@link NotDurable} where the server may lose acknowledged attempts. */
  readonly requireDurable?: boolean | undefined
  /** The longest time between two looks for appends of other sidecars, in milliseconds. 100 by default. */
  readonly pollMs?: number | undefined
}

/** What differs between these backends. */
interface SharedBackend<Target extends SharedTarget> {
  /** Parses the text of `--store`. Throws an error that quotes it without a password. */
  parse(text: string): Target
  /** Throws where no log can be opened at the target. Changes nothing. */
  check?(target: Target): void
  /** Rejects with an error that names the target and the reason. */
  openLog(target: Target, options: BackendOptions): Promise<SharedLog>
  openLogToRead(options: SharedLogOptions<Target>): Promise<SharedLog>
  /** The error of a store whose log was opened, and cannot be folded. */
  unusable(target: Target, error: unknown): unknown
  /** The error of a store that cannot be read. */
  unreadable(target: Target, error: unknown): unknown
  /** Whether attempts can be spooled while the log is away. */
  readonly canSpool: boolean
}

export function createSharedBackend<Target extends SharedTarget>(kind: SharedBackend<Target>): Backend {
  return {
    async open(text, options) {
      const target = kind.parse(text)
      const log = await kind.openLog(target, options)
      try {
        return await openOverLog(log, target.name, kind.canSpool ? options : { ...options, spool: undefined })
      } catch (error) {
        throw kind.unusable(target, error)
      }
    },
    async check(text) {
      // Parsed on its own: without a check of the kind, an optional call would not evaluate its argument.
      const target = kind.parse(text)
      kind.check?.(target)
    },
    async openToRead(text, { createTally, clock, log: logger = SILENT }) {
      const target = kind.parse(text)
      const tally = createTally()
      const options = { target, clock, limits: limitsOf({ tally }), retention: FOREVER, isReadOnly: true }
      try {
        return await openLogReader({ log: await kind.openLogToRead(options), tally, clock, logger })
      } catch (error) {
        throw kind.unreadable(target, error)
      }
    },
    openLog: async (text, options) => await kind.openLog(kind.parse(text), options),
  }
}

/** The backend of a log on a server. `scheme` begins its URLs. */
export function createServerBackend<Target extends SharedTarget>(
  scheme: string,
  parse: (text: string) => Target,
  openLog: (options: SharedLogOptions<Target>) => Promise<SharedLog>,
): Backend {
  return createSharedBackend({
    parse(text) {
      try {
        return parse(text)
      } catch (error) {
        throw new BadTarget(`${scheme}://…`, messageOf(error))
      }
    },
    async openLog(target, options) {
      try {
        return await openLog({ ...logOptions(options), target })
      } catch (error) {
        throw new UnusableServer(target.name, error)
      }
    },
    openLogToRead: openLog,
    unusable: ({ name }, error) => openingError(name, error),
    unreadable: ({ name }, error) => new UnreadableServer(name, error),
    canSpool: true,
  })
}

/** The options of a log that is opened for writing. */
export function logOptions(options: BackendOptions): Omit<SharedLogOptions, 'target'> {
  const { clock, log: logger = SILENT, retention = DEFAULT_RETENTION, requireDurable } = options
  const warn: Warn = (message, detail) => logger.warn(message, detail)
  return { clock, limits: limitsOf(options), retention, warn, requireDurable }
}
