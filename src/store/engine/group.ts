/** A group of attempts on their way into the log: what the calls brought, less what was known. */
import type { DedupWindow } from '../../core/aggregate/dedup-window.ts'
import { type AttemptRecord, admitAttempt, type FoldState } from '../../core/fold.ts'
import type { Appended } from '../../core/ports.ts'
import type { Block } from './buffer-pool.ts'
import { byteLength, type Call } from './call.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, bytes: 1024 * 1024 }

/** What a group keeps. */
export interface CallGroup {
  readonly calls: readonly Call[]
  /** Of each call the places of those attempts that were known; undefined for none. Folding may add to them. */
  readonly known: (Set<number> | undefined)[]
  /** The records of all others, and how many there are. */
  readonly records: Uint8Array
  readonly attempts: number
}

/** How many of the first calls make a group: at least one. */
export function groupSize(calls: readonly Call[]): number {
  let attempts = 0
  let bytes = 0
  for (const [count, call] of calls.entries()) {
    attempts += call.attempts.length
    bytes += byteLength(call.encoded)
    if (count > 0 && (attempts > GROUP.attempts || bytes > GROUP.bytes)) return count
  }
  return calls.length
}

/**
 * Drops what was sent before: what the window knows, and repeats within the group. The window is not changed: what the log does not keep was
 * never there.
 */
export function formGroup(calls: readonly Call[], ids: Pick<DedupWindow, 'has'>): CallGroup {
  const own = new Set<string>()
  let kept = 0
  const known = calls.map(({ attempts, idMs }) => {
    let repeats: Set<number> | undefined
    for (let i = 0; i < attempts.length; i++) {
      const id = attempts[i]!.attempt_id
      if (id === undefined) continue
      const before = own.size
      if (own.add(id).size === before || ids.has(id, idMs)) repeats = (repeats ?? new Set()).add(i)
    }
    kept += attempts.length - (repeats?.size ?? 0)
    return repeats
  })
  return { calls, known, records: recordsOf(calls, known), attempts: kept }
}

/** The records of what was not known: mostly one stretch of one block, which is not copied. */
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
 * Takes the ids of a durable group in: the first half of folding it, before the next group is formed. Answers the places in the log's group of
 * attempts that another writer was faster with.
 */
export function admitGroup({ calls, known }: CallGroup, state: Pick<FoldState, 'ids'>): number[] {
  const late: number[] = []
  let place = -1
  for (const [i, { attempts, idMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      if (repeats?.has(at) === true) continue
      place++
      if (admitAttempt(state, attempts[at]!, idMs)) continue
      known[i] = (known[i] ?? new Set()).add(at)
      late.push(place)
    }
  }
  return late
}

/** Counts what a group has kept, in the order of the log: the second half. */
export function countGroup({ calls, known }: CallGroup, { tally }: Pick<FoldState, 'tally'>): void {
  for (const [i, { attempts, instants, nowMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      if (repeats?.has(at) !== true) tally.add(attempts[at]!, instants[at]!, nowMs)
    }
  }
}

/** The records of a group that count, as a reader of the log would have them. */
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
