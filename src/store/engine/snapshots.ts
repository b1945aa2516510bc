/** Takes snapshots as the log grows, and has the log drop what they and the retention make needless. */
import { type FoldState, limitsIn } from '../../core/fold.ts'
import type { CapturedSnapshot, Log } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { captureState } from './capture.ts'
import type { Follower } from './follower.ts'
import { createThrottledWriter } from './throttled-writer.ts'

/** A snapshot is taken when the log has grown by so much, or something changed this long ago. */
const EVERY = { bytes: 64 * 1024 * 1024, ms: 60_000 }
/** The part of all time that may be spent on snapshots. */
const SHARE = 0.1

/** What was written of one kind, since the store was opened. */
export interface WriteCounters {
  writes: number
  errors: number
  /** How long the last good write took, and how large it was. */
  seconds: number
  bytes: number
  /** Milliseconds since the epoch; undefined before the first. */
  lastSuccessMs: number | undefined
}

export const noWrites = (): WriteCounters => ({ writes: 0, errors: 0, seconds: 0, bytes: 0, lastSuccessMs: undefined })

export interface SnapshotsOptions {
  readonly log: Log
  readonly state: FoldState
  readonly clock: Clock
  readonly logger: Logger
  readonly between: <T>(work: () => Promise<T>) => Promise<T>
  /** Where the state stands. */
  readonly follower: Pick<Follower, 'position' | 'moveTo'>
}

export interface Snapshots {
  readonly counters: Readonly<WriteCounters>
  /** So many bytes were folded: a snapshot is due some time. */
  changed(bytes: number): void
  /** A snapshot is due now. */
  request(): void
  /** Takes a snapshot where something could expire behind it, though nothing is recorded. */
  expire(): Promise<void>
  /** Takes the snapshot that is due now; resolves when that was tried. */
  flush(): Promise<void>
  /** Takes no snapshot any more, not even one that is due. */
  stop(): void
  /** Takes a last snapshot where something was folded since the one before. */
  close(): Promise<void>
}

export function createSnapshots({ log, state, clock, logger, between, follower }: SnapshotsOptions): Snapshots {
  const counters = noWrites()
  let grown = 0
  let timer: NodeJS.Timeout | undefined

  async function take(): Promise<void> {
    // The outage has reported it, and asks for a snapshot when it ends.
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
    const limits = log.info.isShared ? limitsIn(state) : undefined
    return await captureState(file, position, { ...state, limits })
  }

  const writer = createThrottledWriter({
    write: take,
    share: SHARE,
    onError(error) {
      counters.errors++
      logger.error('no snapshot can be taken: the log is kept until one can', { error: messageOf(error) })
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
      if (grown >= EVERY.bytes) due()
      timer ??= setTimeout(due, EVERY.ms).unref()
    },
    request: due,
    async expire() {
      try {
        if (log.health().writable && (await log.expire())) due()
      } catch (error) {
        logger.debug('old groups cannot be dropped', { error: messageOf(error) })
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
