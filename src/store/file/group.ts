/** A group of attempts on their way into the journal: what the calls brought, less what was known. */

import type { IdWindow } from '../../core/aggregate/dedup-window.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import { type Instant, parseTimestamp } from '../../core/attempt/timestamp.ts'
import { admitAttempt, type FoldState, type RecordTimes } from '../../core/fold.ts'
import type { Appended, Texts } from '../../core/ports.ts'
import type { Block, LineBlocks } from './line-blocks.ts'
import { type LineHead, lineHead, lineRoom, putLine } from './record.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, bytes: 1024 * 1024 }

/** One call of `append`, with all work done on it that need not wait for its turn. */
export interface Call extends RecordTimes {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** One an attempt. */
  readonly lines: Lines
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** Lines one behind the other in a block, which is held for them. */
export interface Lines {
  readonly block: Block
  readonly start: number
  /** Where each of them ends, its LF included. */
  readonly ends: readonly number[]
}

/** What a group keeps. */
export interface Group {
  readonly calls: readonly Call[]
  /** Of each call the places of those attempts that were known; undefined for none. Folding may add to them. */
  readonly known: (Set<number> | undefined)[]
  /** The lines of all others, and how many there are. */
  readonly lines: Buffer
  readonly attempts: number
}

/** Below it two clocks count as one: a difference in every line would cost memory and tell nothing. */
const SKEW_MS = 1000

/** The time by which ids age, from the wall clock and one that does not jump. */
export function idTime(nowMs: number, steadyMs: number): number {
  const skewMs = Math.round(steadyMs - nowMs)
  return Math.abs(skewMs) < SKEW_MS ? nowMs : nowMs + skewMs
}

/** The journal's lines of attempts that were received together: of their own texts where these are at hand. */
export function encode(
  attempts: readonly AgentAttempt[],
  times: RecordTimes,
  texts: Texts | undefined,
  blocks: LineBlocks,
): Lines {
  const head = headOf(times)
  // Loops over lists of the length they end with: every attempt pays for them.
  const found = new Array<Uint8Array | string>(attempts.length)
  let room = 0
  for (let i = 0; i < attempts.length; i++) {
    const text = textAt(texts, i) ?? JSON.stringify(attempts[i])
    found[i] = text
    room += lineRoom(head, text)
  }
  const block = blocks.hold(room)
  const ends = new Array<number>(attempts.length)
  let end = block.used
  for (let i = 0; i < attempts.length; i++) {
    end = putLine(block.bytes, end, head, found[i]!)
    ends[i] = end
  }
  const start = block.used
  block.used = end
  return { block, start, ends }
}

let lastHead = { nowMs: Number.NaN, idMs: Number.NaN, head: lineHead(0) }

/** Of calls in the same millisecond all have the same. */
function headOf({ nowMs, idMs }: RecordTimes): LineHead {
  if (lastHead.nowMs !== nowMs || lastHead.idMs !== idMs) lastHead = { nowMs, idMs, head: lineHead(nowMs, idMs) }
  return lastHead.head
}

function textAt(texts: Texts | undefined, i: number): Uint8Array | undefined {
  return texts?.sources[i]?.subarray(texts.starts[i], texts.ends[i])
}

export function byteLength({ start, ends }: Lines): number {
  return ends[ends.length - 1]! - start
}

/** The time that each attempt states. Throws a TypeError where a timestamp is none. */
export function instantsOf(attempts: readonly AgentAttempt[]): Instant[] {
  return attempts.map(({ timestamp }) => {
    const at = parseTimestamp(timestamp)
    if (at === undefined) throw new TypeError(`not a timestamp: ${timestamp}`)
    return at
  })
}

/** How many of the first calls make a group: at least one. */
export function groupSize(calls: readonly Call[]): number {
  let attempts = 0
  let bytes = 0
  for (const [count, call] of calls.entries()) {
    attempts += call.attempts.length
    bytes += byteLength(call.lines)
    if (count > 0 && (attempts > GROUP.attempts || bytes > GROUP.bytes)) return count
  }
  return calls.length
}

/**
 * Drops what was sent before: what the window knows, and repeats within the group. The window is not changed: what the log does not keep was
 * never there.
 */
export function formGroup(calls: readonly Call[], ids: Pick<IdWindow, 'has'>): Group {
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
  return { calls, known, lines: linesOf(calls, known), attempts: kept }
}

/** The lines of what was not known: mostly one stretch of one block, which need not be copied. */
function linesOf(calls: readonly Call[], known: Group['known']): Buffer {
  const stretches: Stretch[] = []
  for (const [i, { lines }] of calls.entries()) {
    const repeats = known[i]
    if (repeats === undefined) extend(stretches, lines.block, lines.start, lines.ends[lines.ends.length - 1]!)
    else {
      for (const [at, end] of lines.ends.entries()) {
        if (!repeats.has(at)) extend(stretches, lines.block, lines.ends[at - 1] ?? lines.start, end)
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

/** Takes the ids of a durable group in: the first half of folding it. */
export function admitGroup({ calls, known }: Group, state: Pick<FoldState, 'ids'>): void {
  for (const [i, { attempts, idMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      if (repeats?.has(at) === true || admitAttempt(state, attempts[at]!, idMs)) continue
      known[i] = (known[i] ?? new Set()).add(at)
    }
  }
}

/** Counts what a group has kept, in the order of the log: the second half. */
export function countGroup({ calls, known }: Group, tally: Tally): void {
  for (const [i, { attempts, instants, nowMs }] of calls.entries()) {
    const repeats = known[i]
    for (let at = 0; at < attempts.length; at++) {
      if (repeats?.has(at) !== true) tally.add(attempts[at]!, instants[at]!, nowMs)
    }
  }
}

/** The answer to each call. */
export function answersOf({ calls, known }: Group): Appended[] {
  return calls.map(({ attempts }, i) => {
    const duplicates = known[i]?.size ?? 0
    return { accepted: attempts.length - duplicates, duplicates }
  })
}
