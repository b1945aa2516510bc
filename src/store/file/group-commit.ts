/**
 * Group commit: while one group of attempts becomes durable the next ones gather, and one write and one sync keep them all. The
 * only writer of the journal, the tally and the window of ids.
 */
import type { AgentAttempt } from '../../core/attempt.ts'
import type { IdWindow } from '../../core/id-window.ts'
import { type Appended, type Clock, type StoreHealth, StoreUnavailable } from '../../core/ports.ts'
import type { Tally } from '../../core/tally.ts'
import { type Instant, parseTimestamp } from '../../core/timestamp.ts'
import { messageOf } from './errors.ts'
import type { Journal } from './journal.ts'
import type { Log } from './log.ts'
import { blankLine, sealLines } from './record.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, bytes: 1024 * 1024 }
/** How long to wait before the next try after a failure: doubled every time. */
const RETRY = { firstMs: 1000, lastMs: 30_000 }

/** What may wait to be kept, in bytes of JSON. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024

/** What waits to be kept. */
export interface Pending {
  readonly calls: number
  readonly attempts: number
  readonly bytes: number
}

export interface GroupCommitOptions {
  readonly journal: Journal
  readonly tally: Tally
  readonly ids: IdWindow
  readonly clock: Clock
  readonly log: Log
  readonly maxPendingAttempts: number
  /** Called after every group that was counted. */
  readonly onCounted: () => void
  /** Called before it is tried to write again after a failure; a rejection is another failure. */
  readonly beforeRetry: () => Promise<void>
  /** Called when attempts can be kept again after a failure. */
  readonly onRecovered: () => void
}

export interface GroupCommit {
  append(attempts: readonly AgentAttempt[]): Promise<Appended>
  /** Runs `work` in its turn among the appends; it may write to the journal. A rejection counts as a failed write. */
  inTurn(work: () => Promise<void>): Promise<void>
  /** Runs `work` between two groups, as soon as can be: the journal, the tally and the ids stand still until it settles. */
  between<T>(work: () => Promise<T>): Promise<T>
  readonly pending: Pending
  health(): StoreHealth
  /** Refuses what comes, and resolves when what had come is settled. */
  close(): Promise<void>
}

interface Call {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** JSON, one an attempt. */
  readonly texts: readonly string[]
  readonly bytes: number
  readonly nowMs: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** Something that must happen between the calls before and behind it. */
interface Turn {
  readonly work: () => Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What a group keeps, attempt by attempt. */
interface Kept {
  readonly attempts: AgentAttempt[]
  readonly instants: Instant[]
  readonly times: number[]
  readonly appended: Appended[]
  lines: string
  ids: number
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { journal, tally, ids, clock, log, maxPendingAttempts, onCounted, beforeRetry, onRecovered } = options
  const pending = { calls: 0, attempts: 0, bytes: 0 }
  let queue: (Call | Turn)[] = []
  const tasks: (() => Promise<void>)[] = []
  let running: Promise<void> | undefined
  let closed = false
  let failing: { readonly error: unknown; readonly retryMs: number; readonly timer: NodeJS.Timeout } | undefined

  function refusal(): StoreUnavailable | undefined {
    if (closed) return new StoreUnavailable('the store is closed', { reason: 'closed' })
    if (failing !== undefined) return failure(failing.error)
    return undefined
  }

  function append(attempts: readonly AgentAttempt[]): Promise<Appended> {
    const refused = refusal() ?? overload(attempts.length)
    if (refused !== undefined) return Promise.reject(refused)
    if (attempts.length === 0) return Promise.resolve({ accepted: 0, duplicates: 0 })
    return new Promise((resolve, reject) => {
      const call: Call = { ...encode(attempts), attempts, nowMs: clock(), resolve, reject }
      pending.calls++
      pending.attempts += attempts.length
      pending.bytes += call.bytes
      queue.push(call)
      start()
    })
  }

  /** One call is always let in, however large: nothing else could ever keep it. */
  function overload(attempts: number): StoreUnavailable | undefined {
    if (pending.attempts === 0) return undefined
    if (pending.attempts + attempts <= maxPendingAttempts && pending.bytes < MAX_PENDING_BYTES) return undefined
    return new StoreUnavailable('too many attempts are waiting to be kept', {
      reason: 'overloaded',
      retryAfterSeconds: 1,
    })
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (queue.length > 0 || tasks.length > 0) start()
    })
  }

  async function run(): Promise<void> {
    // What comes in the same turn of the event loop shares a group.
    await undefined
    for (;;) {
      const task = tasks.shift()
      if (task !== undefined) await task()
      else if (queue.length === 0) return
      else await next()
    }
  }

  async function next(): Promise<void> {
    const first = queue[0]!
    if ('work' in first) {
      queue.shift()
      await take(first)
    } else await commit(takeGroup())
  }

  function takeGroup(): Call[] {
    let attempts = 0
    let bytes = 0
    let count = 0
    for (const call of queue) {
      if ('work' in call) break
      attempts += call.attempts.length
      bytes += call.bytes
      if (count > 0 && (attempts > GROUP.attempts || bytes > GROUP.bytes)) break
      count++
    }
    return queue.splice(0, count) as Call[]
  }

  async function commit(calls: readonly Call[]): Promise<void> {
    const kept = dropDuplicates(calls)
    try {
      if (kept.lines !== '') await journal.append(sealLines(kept.lines))
    } catch (error) {
      ids.undo(kept.ids)
      settle(calls)
      for (const { reject } of calls) reject(failure(error))
      fail(error)
      return
    }
    for (let i = 0; i < kept.attempts.length; i++) tally.add(kept.attempts[i]!, kept.instants[i]!, kept.times[i]!)
    settle(calls)
    calls.forEach(({ resolve }, i) => {
      resolve(kept.appended[i]!)
    })
    if (kept.attempts.length > 0) onCounted()
  }

  /** Decided when a group is formed and no earlier one is on its way: a duplicate shares the fate of what it repeats. */
  function dropDuplicates(calls: readonly Call[]): Kept {
    const kept: Kept = { attempts: [], instants: [], times: [], appended: [], lines: '', ids: 0 }
    for (const { attempts, instants, texts, nowMs } of calls) {
      const before = kept.attempts.length
      for (let i = 0; i < attempts.length; i++) {
        const attempt = attempts[i]!
        if (attempt.attempt_id !== undefined) {
          if (!ids.add(attempt.attempt_id, nowMs)) continue
          kept.ids++
        }
        kept.attempts.push(attempt)
        kept.instants.push(instants[i]!)
        kept.times.push(nowMs)
        kept.lines += blankLine(nowMs, texts[i]!)
      }
      const accepted = kept.attempts.length - before
      kept.appended.push({ accepted, duplicates: attempts.length - accepted })
    }
    return kept
  }

  function settle(calls: readonly Call[]): void {
    for (const { attempts, bytes } of calls) {
      pending.calls--
      pending.attempts -= attempts.length
      pending.bytes -= bytes
    }
  }

  async function take({ work, resolve, reject }: Turn): Promise<void> {
    try {
      await work()
      resolve()
    } catch (error) {
      reject(failure(error))
      fail(error)
    }
  }

  /** Refuses everything until a try succeeds: what fails once mostly fails again, and nobody should wait for that. */
  function fail(error: unknown, retryMs: number = RETRY.firstMs): void {
    log.error('attempts cannot be kept', { error: messageOf(error), retry_after_ms: retryMs })
    const timer = setTimeout(() => {
      tasks.push(() => probe(retryMs))
      start()
    }, retryMs)
    timer.unref()
    failing = { error, retryMs, timer }
    const refused = queue
    queue = []
    for (const entry of refused) {
      if ('work' in entry) entry.reject(failure(error))
      else {
        settle([entry])
        entry.reject(failure(error))
      }
    }
  }

  async function probe(retryMs: number): Promise<void> {
    if (closed) return
    try {
      await beforeRetry()
      await journal.begin()
      failing = undefined
      log.info('attempts can be kept again')
      onRecovered()
    } catch (error) {
      fail(error, Math.min(retryMs * 2, RETRY.lastMs))
    }
  }

  return {
    append,
    pending,
    inTurn: work =>
      new Promise((resolve, reject) => {
        const refused = refusal()
        if (refused !== undefined) return reject(refused)
        queue.push({ work, resolve, reject })
        start()
      }),
    between: work =>
      new Promise((resolve, reject) => {
        tasks.push(() => work().then(resolve, reject))
        start()
      }),
    health() {
      const refused = refusal()
      return refused === undefined ? { writable: true } : { writable: false, reason: refused.message }
    },
    async close() {
      closed = true
      clearTimeout(failing?.timer)
      while (running !== undefined) await running
    },
  }
}

function failure(error: unknown): StoreUnavailable {
  return new StoreUnavailable(`attempts cannot be kept: ${messageOf(error)}`, { cause: error })
}

/** All work on an attempt that need not wait for its turn. */
function encode(attempts: readonly AgentAttempt[]): Pick<Call, 'instants' | 'texts' | 'bytes'> {
  const instants: Instant[] = []
  const texts: string[] = []
  let bytes = 0
  for (const attempt of attempts) {
    const at = parseTimestamp(attempt.timestamp)
    if (at === undefined) throw new TypeError(`not a timestamp: ${attempt.timestamp}`)
    const text = JSON.stringify(attempt)
    instants.push(at)
    texts.push(text)
    bytes += text.length
  }
  return { instants, texts, bytes }
}
