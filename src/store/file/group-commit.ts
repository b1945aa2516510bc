/**
 * Group commit: while one group of attempts becomes durable the next ones gather, and one write and one sync keep them all. The next group
 * is on its way to the disk before the last one is counted and answered. The only writer of the journal, the tally and the window of ids.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import type { FoldState } from '../../core/fold.ts'
import { type Appended, type Clock, type Forms, type StoreHealth, StoreUnavailable } from '../../core/ports.ts'
import { messageOf } from './errors.ts'
import {
  admitGroup,
  answersOf,
  type Call,
  countGroup,
  encode,
  formGroup,
  type Group,
  groupSize,
  idTime,
  instantsOf,
  type Lines,
} from './group.ts'
import type { Journal } from './journal.ts'
import { createLineBlocks } from './line-blocks.ts'
import type { Log } from './log.ts'
import { createOutage } from './outage.ts'

/** What the lines that wait to be kept may take in memory. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024

export interface GroupCommitOptions {
  readonly journal: Journal
  readonly state: FoldState
  readonly clock: Clock
  /** As the clock, but it does not jump while the process runs. */
  readonly steadyClock: Clock
  readonly log: Log
  readonly maxPendingAttempts: number
  /** Called after every group that was counted. */
  readonly onCounted: () => void
  /** Called before it is tried to write again after a failure; a rejection is another failure. */
  readonly beforeRetry: () => Promise<void>
  /** Called when attempts can be kept again after a failure. */
  readonly onRecovered: () => void
}

/** What waits to be kept. */
export interface Pending {
  readonly calls: number
  readonly attempts: number
}

export interface GroupCommit {
  append(attempts: readonly AgentAttempt[], forms?: Forms): Promise<Appended>
  /** Runs `work` in its turn among the appends; it may write to the journal. A rejection counts as a failed write. */
  inTurn(work: () => Promise<void>): Promise<void>
  /** Runs `work` between two groups, as soon as can be: the journal, the tally and the ids stand still until it settles. */
  between<T>(work: () => Promise<T>): Promise<T>
  readonly pending: Pending
  /** Refuses attempts from now on for a fault that was found between two writes, until a write succeeds again. */
  fail(error: Error): void
  health(): StoreHealth
  /** Refuses what comes, and resolves when what had come is settled. */
  close(): Promise<void>
}

/** Something that must happen between the calls before and behind it. */
interface Turn {
  readonly work: () => Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const isCall = (entry: Call | Turn): entry is Call => 'attempts' in entry

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { journal, state, clock, steadyClock, log, maxPendingAttempts, onCounted, beforeRetry, onRecovered } = options
  const pending = { calls: 0, attempts: 0 }
  const blocks = createLineBlocks()
  const tasks: (() => Promise<void>)[] = []
  let queue: (Call | Turn)[] = []
  let running: Promise<void> | undefined
  let closed = false
  const outage = createOutage({ log, retry: () => between(retry), onRecovered })

  async function retry(): Promise<void> {
    await beforeRetry()
    await journal.begin()
  }

  function refusal(): StoreUnavailable | undefined {
    if (closed) return new StoreUnavailable('the store is closed', { reason: 'closed' })
    return outage.error === undefined ? undefined : failure(outage.error)
  }

  /** One call is always let in, however large: nothing else could ever keep it. */
  function overload(attempts: number): StoreUnavailable | undefined {
    if (pending.calls === 0) return undefined
    const isRoom = pending.attempts + attempts <= maxPendingAttempts && blocks.heldBytes <= MAX_PENDING_BYTES
    return isRoom ? undefined : overloaded()
  }

  /** Lets go of lines that are too many bytes: how many they are shows only when they are made. */
  function refuseTooLong({ block }: Lines): void {
    if (pending.calls === 0 || blocks.heldBytes <= MAX_PENDING_BYTES) return
    blocks.letGo(block)
    throw overloaded()
  }

  function append(attempts: readonly AgentAttempt[], forms?: Forms): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const refused = refusal() ?? overload(attempts.length)
      if (refused !== undefined) throw refused
      if (attempts.length === 0) return resolve({ accepted: 0, duplicates: 0 })
      const nowMs = clock()
      const instants = forms?.instants ?? instantsOf(attempts)
      const idMs = idTime(nowMs, steadyClock())
      const lines = encode(attempts, { nowMs, idMs }, forms?.texts, blocks)
      refuseTooLong(lines)
      enqueue({ attempts, instants, lines, nowMs, idMs, resolve, reject })
    })
  }

  async function inTurn(work: () => Promise<void>): Promise<void> {
    const refused = refusal()
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

  function enqueue(entry: Call | Turn): void {
    if (isCall(entry)) account(entry, 1)
    queue.push(entry)
    start()
  }

  function account({ attempts }: Call, sign: 1 | -1): void {
    pending.calls += sign
    pending.attempts += sign * attempts.length
  }

  /** What came with a call is needed no more. */
  function dismiss(call: Call): void {
    account(call, -1)
    blocks.letGo(call.lines.block)
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (queue.length > 0 || tasks.length > 0) start()
    })
  }

  async function run(): Promise<void> {
    let durable: Group | undefined
    for (;;) {
      // What comes in the same turn of the event loop shares a group.
      if (durable === undefined) await nextTurn()
      // Before the next group is formed, which must not hold what this one does.
      else admitGroup(durable, state)
      const isCallNext = tasks.length === 0 && queue[0] !== undefined && isCall(queue[0])
      const next = isCallNext ? write(takeCalls()) : undefined
      // While the disk is busy with the next group already.
      if (durable !== undefined) settle(durable)
      durable = await next
      if (next !== undefined) continue
      const task = tasks.shift()
      const first = queue[0]
      if (task !== undefined) await task()
      else if (first === undefined) return
      else if (!isCall(first)) await take(first)
    }
  }

  function takeCalls(): Call[] {
    const turn = queue.findIndex(entry => !isCall(entry))
    const calls = (turn < 0 ? queue : queue.slice(0, turn)) as Call[]
    return queue.splice(0, groupSize(calls)) as Call[]
  }

  /** Answers a group that is durable and not counted yet; undefined where it could not be kept, and was refused. */
  async function write(calls: readonly Call[]): Promise<Group | undefined> {
    const group = formGroup(calls, state.ids)
    try {
      if (group.lines.length > 0) await journal.append(group.lines, group.attempts)
      return group
    } catch (error) {
      refuse(calls, error)
      return undefined
    }
  }

  /** Counts what is durable, and answers. */
  function settle(group: Group): void {
    countGroup(group, state.tally)
    for (const [i, appended] of answersOf(group).entries()) {
      const call = group.calls[i]!
      dismiss(call)
      call.resolve(appended)
    }
    if (group.lines.length > 0) onCounted()
  }

  async function take(turn: Turn): Promise<void> {
    queue.shift()
    try {
      await turn.work()
      turn.resolve()
    } catch (error) {
      refuse([turn], error)
    }
  }

  /** Refuses what failed and all that waits behind it: what fails once mostly fails again, and nobody should wait for that. */
  function refuse(failed: readonly (Call | Turn)[], error: unknown): void {
    outage.begin(error)
    const refused = [...failed, ...queue]
    queue = []
    for (const entry of refused) {
      if (isCall(entry)) dismiss(entry)
      entry.reject(failure(error))
    }
  }

  return {
    append,
    inTurn,
    between,
    pending,
    fail(error) {
      if (!closed && outage.error === undefined) outage.begin(error)
    },
    health() {
      const refused = refusal()
      return refused === undefined ? { writable: true } : { writable: false, reason: refused.message }
    },
    async close() {
      closed = true
      outage.stop()
      while (running !== undefined) await running
    },
  }
}

function failure(error: unknown): StoreUnavailable {
  return new StoreUnavailable(`attempts cannot be kept: ${messageOf(error)}`, { cause: error })
}

function overloaded(): StoreUnavailable {
  const detail = 'too many attempts are waiting to be kept'
  return new StoreUnavailable(detail, { reason: 'overloaded', retryAfterSeconds: 1 })
}
