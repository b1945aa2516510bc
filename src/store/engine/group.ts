/** A group of calls, and the records to append: all attempts of the calls without the duplicates. */
import type { DedupWindow } from '../../core/aggregate/dedup-window.ts'
import { type AttemptRecord, admitAttempt, type FoldState } from '../../core/fold.ts'
import type { Appended } from '../../core/ports.ts'
import type { Block } from './buffer-pool.ts'
import { byteLength, type Call } from './call.ts'

/** The maximum size of a group, so that counting it does not block the event loop for long. A single call may be larger. */
const MAX_GROUP = { attempts: 2048, bytes: 1024 * 1024 }

/** A group of calls, formed for the log. */
export interface CallGroup {
  readonly calls: readonly Call[]
  /** For each call, the indexes of its duplicates. Undefined if it has none. Folding may add some. */
  readonly known: (Set<number> | undefined)[]
  /** The records of the other attempts, and their number. */
  readonly records: Uint8Array
  readonly attempts: number
  /** Two words for each attempt of all calls: the hash of its id in `ids`. */
  readonly hashes: Uint32Array
  readonly ids: HashedIds
}

/** The methods of the dedup window that a group uses. */
export type HashedIds = Pick<DedupWindow, 'hash' | 'hasHash' | 'addHash'>

/** The number of calls in the next group: at least one. */
export function groupSize(calls: readonly Call[]): number {
  let attempts = 0
  let bytes = 0
  for (const [count, call] of calls.entries()) {
    attempts += call.attempts.length
    bytes += byteLength(call.encoded)
    if (count > 0 && (attempts > MAX_GROUP.attempts || bytes > MAX_GROUP.bytes)) return count
  }
  return calls.length
}

/** Drops duplicates: known ids, and ids that repeat within the group. Does not change the window, because the log may refuse the group. */
export function formGroup(calls: readonly Call[], ids: HashedIds): CallGroup {
  const count = calls.reduce((sum, { attempts }) => sum + attempts.length, 0)
  const hashes = new Uint32Array(2 * count)
  const seen = count === 1 ? undefined : createSeen(hashes)
  let number = 0
  let kept = 0
  const known = calls.map(({ attempts, idMs }) => {
    let repeats: Set<number> | undefined
    for (let i = 0; i < attempts.length; i++, number++) {
      const id = attempts[i]!.attempt_id
      if (id === undefined) continue
      ids.hash(id, hashes, 2 * number)
      if (seen?.(number) === true || ids.hasHash(hashes, 2 * number, idMs)) repeats = (repeats ?? new Set()).add(i)
    }
    kept += attempts.length - (repeats?.size ?? 0)
    return repeats
  })
  return { calls, known, records: recordsOf(calls, known), attempts: kept, hashes, ids }
}

/**
 * Returns a function that adds the id of an attempt of the group, by its hash. It returns true if the id was added before. An
 * open-addressing table, because a set of strings would hash each id a second time.
 */
function createSeen(hashes: Uint32Array): (number: number) => boolean {
  // The size is a power of two, and at most half of the slots are used. A slot contains 1 + the number of an attempt, or 0 if it is free.
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(hashes.length)))
  const mask = slots.length - 1
  return number => {
    for (let slot = hashes[2 * number]! & mask; ; slot = (slot + 1) & mask) {
      const other = slots[slot]! - 1
      if (other === -1) {
        slots[slot] = number + 1
        return false
      }
      if (hashes[2 * other] === hashes[2 * number] && hashes[2 * other + 1] === hashes[2 * number + 1]) return true
    }
  }
}

/** The records of attempts that are not duplicates. They are usually adjacent in one block, and are then not copied. */
function recordsOf(calls: readonly Call[], known: CallGroup['known']): Buffer {
  const stretches: Stretch[] = []
  for (const [i, { encoded }] of calls.entries()) {
    const repeats = known[i]
    if (repeats === undefined) extend(stretches, encoded.block, encoded.start, encoded.ends[encoded.ends.length - 1]!)
    else {
      for (const [at, end] of encoded.ends.entries()) {
        if (!repeats.has(at)) extend(stretches, encoded.block, encoded.ends[at - 1] ?? encoded.start, end)
      }
    }
  }
  const parts = stretches.map(({ block, start, end }) => block.bytes.subarray(start, end))
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

interface Stretch {
  readonly block: Block
  readonly start: number
  end: number
}

function extend(stretches: Stretch[], block: Block, start: number, end: number): void {
  const last = stretches[stretches.length - 1]
  if (last?.block === block && last.end === start) last.end = end
  else stretches.push({ block, start, end })
}

/**
 * Adds the ids of a durable group to the window. This is the first half of folding it, and runs before the next group is formed. Returns
 * the indexes, in the appended group, of attempts that another writer appended earlier.
 */
export function admitGroup({ calls, known, hashes, ids }: CallGroup, state: Pick<FoldState, 'ids'>): number[] {
  const late: number[] = []
  // If the log diverged, the window was replaced by another one, which may hash with another seed.
  const isSame = state.ids === ids
  let place = -1
  let number = -1
  for (const [i, { attempts, idMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      number++
      if (repeats?.has(at) === true) continue
      place++
      const attempt = attempts[at]!
      if (attempt.attempt_id === undefined) continue
      if (isSame ? state.ids.addHash(hashes, 2 * number, idMs) : admitAttempt(state, attempt, idMs)) continue
      known[i] = (known[i] ?? new Set()).add(at)
      late.push(place)
    }
  }
  return late
}

/** Counts the recorded attempts of a group in the order of the log: the second half of folding it. */
export function countGroup({ calls, known }: CallGroup, { tally }: Pick<FoldState, 'tally'>): void {
  for (const [i, { attempts, instants, nowMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      if (repeats?.has(at) !== true) tally.add(attempts[at]!, instants[at]!, nowMs)
    }
  }
}

/** The records of a group that count, as a reader of the log would decode them. */
export function* countedIn({ calls, known }: CallGroup): Generator<AttemptRecord> {
  for (const [i, { attempts, instants, nowMs, idMs }] of calls.entries()) {
    for (const [at, attempt] of attempts.entries()) {
      if (known[i]?.has(at) !== true) yield { kind: 'attempt', nowMs, idMs, attempt, at: instants[at]! }
    }
  }
}

/** The answer to each call. */
export function answersOf({ calls, known }: CallGroup): Appended[] {
  return calls.map(({ attempts }, i) => {
    const duplicates = known[i]?.size ?? 0
    return { accepted: attempts.length - duplicates, duplicates }
  })
}
