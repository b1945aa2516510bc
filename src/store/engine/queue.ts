/** The queue for the log, in order of arrival: calls of `append`, and turns, which need exclusive access. */
import { StoreUnavailable } from '../../core/ports.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Call } from './call.ts'
import { groupSize } from './group.ts'

/** The maximum size of the blocks of waiting calls. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024

/** Work that must run after all earlier calls and before all later ones. */
export interface Turn {
  readonly work: () => Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export type Entry = Call | Turn

/** The number of accepted calls that are not answered yet, and of their attempts. */
export interface Pending {
  readonly calls: number
  readonly attempts: number
}

export interface CommitQueue {
  readonly pending: Pending
  /**
   * Why a call with this number of attempts is refused. Undefined if it is accepted. An empty queue accepts a call of any size, because
   * otherwise a large call could never succeed.
   */
  overload(attempts: number): StoreUnavailable | undefined
  add(entry: Entry): void
  readonly isEmpty: boolean
  /** Removes the calls of the next group. Empty if a turn is next. */
  takeCalls(): Call[]
  /** Removes the next entry if it is a turn. */
  takeTurn(): Turn | undefined
  /** Removes all entries. */
  takeAll(): Entry[]
  /** Releases the memory of an accepted call. Called just before it is answered. */
  release(call: Call): void
}

export const isCall = (entry: Entry): entry is Call => 'attempts' in entry

export function createCommitQueue(pool: BufferPool, maxPendingAttempts: number): CommitQueue {
  const pending = { calls: 0, attempts: 0 }
  let waiting: Entry[] = []

  function account({ attempts }: Call, sign: 1 | -1): void {
    pending.calls += sign
    pending.attempts += sign * attempts.length
  }

  return {
    pending,
    overload(attempts) {
      if (pending.calls === 0) return undefined
      const isRoom = pending.attempts + attempts <= maxPendingAttempts && pool.heldBytes <= MAX_PENDING_BYTES
      return isRoom ? undefined : overloaded()
    },
    add(entry) {
      if (isCall(entry)) account(entry, 1)
      waiting.push(entry)
    },
    get isEmpty() {
      return waiting.length === 0
    },
    takeCalls() {
      const turn = waiting.findIndex(entry => !isCall(entry))
      const calls = (turn < 0 ? waiting : waiting.slice(0, turn)) as Call[]
      return calls.length === 0 ? [] : (waiting.splice(0, groupSize(calls)) as Call[])
    },
    takeTurn() {
      const first = waiting[0]
      if (first === undefined || isCall(first)) return undefined
      waiting.shift()
      return first
    },
    takeAll() {
      const all = waiting
      waiting = []
      return all
    },
    release(call) {
      account(call, -1)
      pool.release(call.encoded.block)
    },
  }
}

function overloaded(): StoreUnavailable {
  const detail = 'too many attempts are waiting to be kept'
  return new StoreUnavailable(detail, { reason: 'overloaded', retryAfterSeconds: 1 })
}
