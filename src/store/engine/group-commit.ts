/**
 * Group commit: while one group of attempts becomes durable, further calls wait, and one append keeps them all. The next group is sent to the
 * log before the previous one is counted and answered. This is the only writer of the log and of the state.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import type { FoldState, LogRecord, RecordTimes } from '../../core/fold.ts'
import type { Group, Log, Position } from '../../core/log.ts'
import { type Appended, type Clock, type PreparedBatch, StoreUnavailable } from '../../core/ports.ts'
import type { EventPublisher } from '../events.ts'
import { messageOf } from '../messages.ts'
import { type Appender, unanswered } from './appender.ts'
import type { BufferPool } from './buffer-pool.ts'
import { encode, idTime, resolveTimes } from './call.ts'
import { createGroupWriter, type DurableGroup } from './group-writer.ts'
import type { Outage } from './outage.ts'
import type { OwnFold } from './own-fold.ts'
import { type CommitQueue, type Entry, isCall, type Pending, type Turn } from './queue.ts'
import type { Spooling } from './spooling.ts'

export interface GroupCommitOptions {
  readonly log: Log
  readonly state: FoldState
  readonly clock: Clock
  /** As the clock, but it does not jump while the process runs. */
  readonly steadyClock: Clock
  readonly pool: BufferPool
  readonly queue: CommitQueue
  readonly appender: Appender
  readonly ownFold: OwnFold
  readonly outage: Outage
  readonly spooling: Pick<Spooling, 'isOn' | 'refusal' | 'turnRefusal'> | undefined
  readonly events: EventPublisher
}

export interface GroupCommit {
  append(attempts: readonly AgentAttempt[], batch?: PreparedBatch): Promise<Appended>
  /**
   * Runs `work` in its turn among the appends; it may {@link keep}. A rejection counts as a failed append. `canWait`: what it keeps may be
   * spooled while the log is away.
   */
  runExclusive(work: () => Promise<void>, canWait?: boolean): Promise<void>
  /** Within a turn: appends a group, and folds it. */
  keep(group: Omit<Group, 'number'>, made: KeptRecords): Promise<void>
  /** Runs `work` between two groups, as soon as can be: the log and the state stand still until it is done. */
  between<T>(work: () => Promise<T>): Promise<T>
  /** The times of a record that is received now. */
  now(): RecordTimes
  readonly pending: Pending
  /** Why nothing is taken; undefined while it is. */
  refusal(): StoreUnavailable | undefined
  /** Why a turn that cannot wait in the spool is refused; undefined while it is not. */
  turnRefusal(): StoreUnavailable | undefined
  /** Rejects all calls, because the outage lasts. A group that the log may have is appended all the same when the log is back. */
  giveUp(): void
  /** Refuses new calls, and resolves when all others are answered. */
  close(): Promise<void>
}

/** The records of a group that is appended in a turn. */
export interface KeptRecords {
  fold(position: Position): void
  /** Called instead where they are folded later: they are in the spool, or the log is away. Without it, they cannot wait. */
  wait?(): void
  /** Those that count, for listeners. */
  records(): readonly LogRecord[]
}

/** Longer than 60 lines: its functions share the queue and the loop that serves it. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { log, clock, steadyClock, pool, queue, appender, ownFold, outage, spooling, events } = options
  const writer = createGroupWriter({ ...options, refuse })
  const tasks: (() => Promise<void>)[] = []
  let running: Promise<void> | undefined
  let closed: StoreUnavailable | undefined
  /** Those whose group is on its way to the log. */
  let underWay: readonly Entry[] = []

  function refusal(): StoreUnavailable | undefined {
    if (closed !== undefined) return closed
    if (spooling?.isOn === true) return spooling.refusal()
    return outage.error === undefined ? undefined : failure(outage.error)
  }

  function turnRefusal(): StoreUnavailable | undefined {
    return refusal() ?? (spooling?.isOn === true ? spooling.turnRefusal() : undefined)
  }

  function now(): RecordTimes {
    const nowMs = clock()
    return { nowMs, idMs: idTime(nowMs, steadyClock()) }
  }

  function append(given: readonly AgentAttempt[], batch?: PreparedBatch): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const refused = refusal() ?? queue.overload(given.length)
      if (refused !== undefined) throw refused
      if (given.length === 0) return resolve({ accepted: 0, duplicates: 0 })
      const { nowMs, idMs } = now()
      const { attempts, instants } = batch === undefined ? resolveTimes(given) : { attempts: given, ...batch }
      const encoded = encode(attempts, log.frame({ nowMs, idMs }), batch?.rawJson, pool)
      // How many bytes they are shows only when they are encoded.
      const overload = queue.overload(0)
      if (overload !== undefined) {
        pool.release(encoded.block)
        throw overload
      }
      enqueue({ attempts, instants, encoded, nowMs, idMs, resolve, reject })
    })
  }

  async function runExclusive(work: () => Promise<void>, canWait = false): Promise<void> {
    const refused = canWait ? refusal() : turnRefusal()
    if (refused !== undefined) throw refused
    await new Promise<void>((resolve, reject) => {
      enqueue({ work, resolve, reject })
    })
  }

  function between<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      tasks.push(() => work().then(resolve, reject))
      start()
    })
  }

  function enqueue(entry: Entry): void {
    queue.add(entry)
    start()
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (!queue.isEmpty || tasks.length > 0) start()
    })
  }

  async function run(): Promise<void> {
    let durable: DurableGroup | undefined
    for (;;) {
      // Calls of one turn of the event loop share a group.
      if (durable === undefined) await nextTurn()
      else {
        underWay = durable.calls.calls
        durable = await writer.admit(durable)
      }
      const calls = tasks.length === 0 ? queue.takeCalls() : []
      underWay = calls
      const next = calls.length > 0 ? writer.write(calls) : undefined
      // While the log is busy with the next group already.
      if (durable !== undefined) writer.count(durable)
      durable = await next
      if (next !== undefined) continue
      const task = tasks.shift()
      const turn = task === undefined ? queue.takeTurn() : undefined
      if (task !== undefined) await task()
      else if (turn !== undefined) await take(turn)
      else if (queue.isEmpty) return
    }
  }

  async function keep(group: Omit<Group, 'number'>, { fold, wait, records }: KeptRecords): Promise<void> {
    const sent = await appender.append(group, wait !== undefined)
    const isFolded =
      sent !== undefined &&
      (await ownFold.takeBehind(sent, position => {
        fold(position)
        events.publish({ own: true, records })
      }))
    if (isFolded) return
    if (wait === undefined) throw unanswered()
    wait()
  }

  async function take(turn: Turn): Promise<void> {
    underWay = [turn]
    try {
      await turn.work()
      turn.resolve()
    } catch (error) {
      refuse([turn], error)
    }
  }

  /** Refuses what failed and all that waits behind it: what failed once is likely to fail again, and waiting calls would be delayed by it. */
  function refuse(failed: readonly Entry[], error: unknown): void {
    const isReported = error instanceof StoreUnavailable
    if (!isReported) outage.begin(error)
    reject(failed, isReported ? error : failure(error))
    refuseWaiting()
  }

  function reject(entries: readonly Entry[], error: StoreUnavailable): void {
    for (const entry of entries) {
      if (isCall(entry)) queue.release(entry)
      entry.reject(error)
    }
  }

  function refuseWaiting(): void {
    const refused = refusal()
    if (refused !== undefined) reject(queue.takeAll(), refused)
  }

  function giveUp(): void {
    // Their memory is free when the log has answered for their group.
    for (const entry of underWay) entry.reject(unanswered())
    refuseWaiting()
  }

  return {
    append,
    runExclusive,
    keep,
    between,
    now,
    pending: queue.pending,
    refusal,
    turnRefusal,
    giveUp,
    async close() {
      closed = new StoreUnavailable('the store is closed', { reason: 'closed' })
      outage.stop(closed)
      while (running !== undefined) await running
    },
  }
}

function failure(error: unknown): StoreUnavailable {
  const cause = error instanceof Error && error.name === 'LogRefused' ? error.cause : error
  return new StoreUnavailable(`attempts cannot be kept: ${messageOf(error)}`, { cause })
}
