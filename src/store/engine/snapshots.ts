/** Takes snapshots as the log grows, and then lets the log delete expired groups. */
import { type FoldState, limitsIn } from '../../core/fold.ts'
import { type CapturedSnapshot, isShared, type Log } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { captureState } from './capture.ts'
import type { Follower } from './follower.ts'
import { createThrottledWriter } from './throttled-writer.ts'

/** A snapshot is taken after the log has grown by this much, or this long after the first change since the last one. */
const INTERVAL = { bytes: 64 * 1024 * 1024, ms: 60_000 }
/** The maximum share of time spent on snapshots. */
const MAX_TIME_SHARE = 0.1

/** Counters of the writes of one kind of file since the store was opened. */
export interface WriteCounters {
  writes: number
  errors: number
  /** Duration and size of the last successful write. */
  seconds: number
  bytes: number
  /** Milliseconds since the epoch. Undefined before the first successful write. */
  lastSuccessMs: number | undefined
}

export const noWrites = (): WriteCounters => ({ writes: 0, errors: 0, seconds: 0, bytes: 0, lastSuccessMs: undefined })

export interface SnapshotsOptions {
  readonly log: Log
  readonly state: FoldState
  readonly clock: Clock
  readonly logger: Logger
  readonly between: <T>(work: () => Promise<T>) => Promise<T>
  /** The position of the state. */
  readonly follower: Pick<Follower, 'position' | 'moveTo'>
}

export interface Snapshots {
  readonly counters: Readonly<WriteCounters>
  /** This many bytes were folded. Schedules a snapshot. */
  changed(bytes: number): void
  /** Requests a snapshot now. */
  request(): void
  /** Deletes expired groups, and requests a snapshot if that would allow deleting more. Needed while nothing is recorded. */
  expire(): Promise<void>
  /** Takes a requested snapshot now. Resolves when it succeeded or failed. */
  flush(): Promise<void>
  /** Takes no further snapshot, not even a requested one. */
  stop(): void
  /** Takes a last snapshot if something was folded since the previous one. */
  close(): Promise<void>
}

export function createSnapshots({ log, state, clock, logger, between, follower }: SnapshotsOptions): Snapshots {
  const counters = noWrites()
  let grown = 0
  let timer: NodeJS.Timeout | undefined

  async function take(): Promise<void> {
    // The outage is already reported, and requests a snapshot when it ends.
    if (!log.health().writable) return
    const startMs = performance.now()
    const file = await log.temporaryFile()
    try {
      const captured = await between(() => capture(file))
      const bytes = await log.putSnapshot(captured)
      Object.assign(counters, { bytes, seconds: (performance.now() - startMs) / 1000, lastSuccessMs: clock() })
      counters.writes++
      logger.debug('a snapshot was taken', { position: captured.position, bytes })
    } finally {
      await file.close()
    }
    await log.expire()
  }

  async function capture(file: Awaited<ReturnType<Log['temporaryFile']>>): Promise<CapturedSnapshot> {
    const position = await log.rotate(follower.position)
    follower.moveTo(position)
    const limits = isShared(log.info) ? limitsIn(state) : undefined
    return await captureState(file, position, { ...state, limits })
  }

  const writer = createThrottledWriter({
    write: take,
    share: MAX_TIME_SHARE,
    onError(error) {
      counters.errors++
      logger.error('a snapshot cannot be taken: old groups stay in the log until one succeeds', {
        error: messageOf(error),
      })
    },
  })

  function due(): void {
    clearTimeout(timer)
    timer = undefined
    grown = 0
    writer.request()
  }

  return {
    counters,
    changed(bytes) {
      grown += bytes
      if (grown >= INTERVAL.bytes) due()
      timer ??= setTimeout(due, INTERVAL.ms).unref()
    },
    request: due,
    async expire() {
      try {
        if (log.health().writable && (await log.expire())) due()
      } catch (error) {
        logger.debug('expired groups cannot be deleted', { error: messageOf(error) })
      }
    },
    flush: writer.flush,
    stop() {
      clearTimeout(timer)
      timer = undefined
      writer.stop()
    },
    async close() {
      if (timer !== undefined) due()
      writer.stop()
      await writer.flush()
    },
  }
}
