/** The time from a failed append until the log can be appended to again: everything new is refused, and recovery is tried by itself. */
import { LogRefused, NewerRecord, UnfinishedCopy } from '../../core/log.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'

/** How long to wait before the next try: doubled every time. */
export interface RetryTimes {
  readonly firstMs: number
  readonly lastMs: number
  /** How long calls wait for the end of an outage. */
  readonly patienceMs: number
}

export const RETRY_TIMES: RetryTimes = { firstMs: 1000, lastMs: 30_000, patienceMs: 5000 }

export interface OutageOptions {
  readonly log: Logger
  readonly times: RetryTimes
  /** Tries to make the log writable; it is not called again before that is done. `isAwaited`: the group commit waits for it in {@link Outage.over}. */
  readonly recover: (isAwaited: boolean) => Promise<void>
  readonly onRecovered: () => void
  /** The log has a record that this process cannot read: it must end, so that a newer version takes its place. */
  readonly onNewerRecord: (error: NewerRecord) => void
  /** Somebody waits in {@link Outage.over}, and the outage lasts longer than calls wait. May be called again. */
  readonly onLasting: () => void
}

export interface Outage {
  /** Why nothing can be appended; undefined while it can. */
  readonly error: unknown
  /** Whether no retry of this process can succeed. */
  readonly isFinal: boolean
  begin(error: unknown): void
  /** Resolves when the log can be appended to again; rejects where no more tries are made. */
  over(): Promise<void>
  /** Tries now instead of later. */
  hurry(): void
  /** No more tries. */
  stop(reason: Error): void
}

export function createOutage({ log, times, recover, onRecovered, onNewerRecord, onLasting }: OutageOptions): Outage {
  let current: { readonly error: unknown } | undefined
  let timer: NodeJS.Timeout | undefined
  /** Begins the next try. Undefined while one is under way, or none will be. */
  let attempt: (() => void) | undefined
  let patience: NodeJS.Timeout | undefined
  let isLasting = false
  let stopped: Error | undefined
  let waiting: PromiseWithResolvers<void> | undefined

  function wait(error: unknown, retryMs: number): void {
    if (current === undefined) patience = setTimeout(beLasting, times.patienceMs).unref()
    current = { error }
    clearTimeout(timer)
    attempt = undefined
    if (isFinal(error)) {
      log.error('attempts cannot be kept by this process any more', { error: messageOf(error) })
      waiting?.reject(error)
      waiting = undefined
      if (error instanceof NewerRecord) onNewerRecord(error)
      return
    }
    log.error('attempts cannot be kept', { error: messageOf(error), retry_after_ms: retryMs })
    if (stopped !== undefined) return
    attempt = () => {
      attempt = undefined
      clearTimeout(timer)
      recover(waiting !== undefined).then(end, again => wait(again, Math.min(retryMs * 2, times.lastMs)))
    }
    timer = setTimeout(attempt, retryMs).unref()
  }

  function beLasting(): void {
    isLasting = true
    if (waiting !== undefined) onLasting()
  }

  function end(): void {
    current = undefined
    attempt = undefined
    clearTimeout(timer)
    clearTimeout(patience)
    isLasting = false
    log.info('attempts can be kept again')
    waiting?.resolve()
    waiting = undefined
    onRecovered()
  }

  return {
    get error() {
      return current?.error
    },
    get isFinal() {
      return current !== undefined && isFinal(current.error)
    },
    begin: error => wait(error, times.firstMs),
    async over() {
      if (stopped !== undefined) throw stopped
      if (current === undefined) return
      if (isFinal(current.error)) throw current.error
      waiting ??= Promise.withResolvers<void>()
      if (isLasting) onLasting()
      await waiting.promise
    },
    hurry() {
      attempt?.()
    },
    stop(reason) {
      stopped = reason
      attempt = undefined
      clearTimeout(timer)
      clearTimeout(patience)
      waiting?.reject(reason)
    },
  }
}

/** Whether no retry of this process can succeed. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof NewerRecord || error instanceof UnfinishedCopy || (error instanceof LogRefused && error.isFinal)
  )
}
