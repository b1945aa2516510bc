/** A group of attempts on their way into the journal: what the calls brought, less what was known. */

import type { IdWindow } from '../../core/aggregate/dedup-window.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import { type Instant, parseTimestamp } from '../../core/attempt/timestamp.ts'
import type { Appended, RawJson } from '../../core/ports.ts'
import type { Block, LineBlocks } from './line-blocks.ts'
import { type LineHead, lineHead, lineRoom, putLine } from './record.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, bytes: 1024 * 1024 }

/** One call of `append`, with all work done on it that need not wait for its turn. */
export interface Call {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** One an attempt. */
  readonly lines: Lines
  readonly nowMs: number
  /** The same by a clock that does not jump while the process runs: ids age by it. */
  readonly steadyMs: number
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
  /** Of each call the places of those attempts that were known; undefined for none. */
  readonly known: readonly (ReadonlySet<number> | undefined)[]
  /** The lines of all others, and how many there are. */
  readonly lines: Buffer
  readonly attempts: number
  /** Ids that the window took in. */
  readonly ids: number
}

/** The journal's lines of attempts received at `nowMs`, copied from their raw JSON where there is some. */
export function encode(
  attempts: readonly AgentAttempt[],
  nowMs: number,
  rawJson: RawJson | undefined,
  blocks: LineBlocks,
): Lines {
  const head = headOf(nowMs)
  // Loops over lists of the length they end with: every attempt pays for them.
  const found = new Array<Uint8Array | string>(attempts.length)
  let room = 0
  for (let i = 0; i < attempts.length; i++) {
    const text = rawJsonAt(rawJson, i) ?? JSON.stringify(attempts[i])
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

let lastHead = { nowMs: Number.NaN, head: lineHead(0) }

/** Of calls in the same millisecond all have the same. */
function headOf(nowMs: number): LineHead {
  if (lastHead.nowMs !== nowMs) lastHead = { nowMs, head: lineHead(nowMs) }
  return lastHead.head
}

function rawJsonAt(rawJson: RawJson | undefined, i: number): Uint8Array | undefined {
  return rawJson?.sources[i]?.subarray(rawJson.starts[i], rawJson.ends[i])
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
 * Drops what was sent before. Decided when a group is formed and none is on its way, so that a repeat within a group shares the fate
 * of what it repeats: the window takes in the ids, and must undo them when the group is not kept.
 */
export function formGroup(calls: readonly Call[], ids: IdWindow): Group {
  let added = 0
  let kept = 0
  const known = calls.map(({ attempts, steadyMs }) => {
    let repeats: Set<number> | undefined
    for (let i = 0; i < attempts.length; i++) {
      const id = attempts[i]!.attempt_id
      if (id === undefined) continue
      if (ids.add(id, steadyMs)) added++
      else repeats = (repeats ?? new Set()).add(i)
    }
    kept += attempts.length - (repeats?.size ?? 0)
    return repeats
  })
  return { calls, known, lines: linesOf(calls, known), attempts: kept, ids: added }
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

/** Counts what a group has kept, in the order of the journal. */
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
