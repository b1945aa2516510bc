/**
 * Forks of the journal: what an owner of the store wrote after another one had read the journal and gone on from there, because the lock did
 * not keep them apart. Every segment names its owner and where the journal ended when it began, so a fork is found without any other mark.
 */
import { ORIGIN, type Position } from '../journal/position.ts'
import type { OpenedSegment, Stretch } from '../journal/segments.ts'

/** By sequence number, oldest first; undefined where the first record is damaged. */
export type Openings = ReadonlyMap<number, OpenedSegment | undefined>

/** Part of a segment that the rest of the journal does not continue. */
export interface Fork extends Stretch {
  /** The segment of another owner that goes on from an earlier place. */
  readonly beside: number
}

export interface Forks {
  /** The newest segment of the journal that is continued: nothing in newer ones belongs to it. */
  readonly head: number
  /** In order of their places. */
  readonly forks: readonly Fork[]
}

/** Where each segment of a line of the journal ends, and the segment that says so. Newest first. */
type Line = ReadonlyMap<number, { readonly end: number; readonly by: number | undefined }>

/**
 * The newest line of the journal that passes `covered`, up to where everything is counted already, and what other owners wrote beside it. Bytes
 * that an owner left behind itself are no fork: it never acknowledged them.
 */
export function findForks(sizes: ReadonlyMap<number, number>, openings: Openings, covered: Position): Forks {
  const newestOf = new Map<string, number>()
  for (const [sequence, opened] of openings) if (opened !== undefined) newestOf.set(opened.opening.owner, sequence)
  const newest = [...sizes.keys()].at(-1) ?? 0
  const heads = [newest, ...[...newestOf.values()].sort((a, b) => b - a)]
  const head = heads.find(one => passes(lineBack(one, sizes, openings), covered, sizes)) ?? newest
  const main = lineBack(head, sizes, openings)
  const merged = mergedIn(openings)
  // Mostly nothing is: then no other line needs to be followed.
  const beyond = new Set<string>()
  for (const [sequence, opened] of openings) {
    if (opened !== undefined && sizes.get(sequence) !== main.get(sequence)?.end) beyond.add(opened.opening.owner)
  }
  const forks: Fork[] = []
  for (const [owner, own] of newestOf) {
    if (!beyond.has(owner)) continue
    for (const [sequence, { end, by }] of lineBack(own, sizes, openings)) {
      if (openings.get(sequence)?.opening.owner !== owner) continue
      const start = Math.max(main.get(sequence)?.end ?? 0, merged.get(sequence) ?? 0)
      const beside = main.get(sequence)?.by ?? [...main.keys()].findLast(one => one > sequence) ?? head
      if (start < end) forks.push({ sequence, start, end, bounded: by !== undefined, beside })
    }
  }
  return { head, forks: forks.sort((a, b) => a.sequence - b.sequence) }
}

/** From segment `head` back to the oldest: a segment that the next one skips is not in it. */
function lineBack(head: number, sizes: ReadonlyMap<number, number>, openings: Openings): Line {
  const line = new Map<number, { end: number; by: number | undefined }>()
  let limit: Position | undefined
  let by: number | undefined
  for (const [sequence, size] of [...sizes].reverse()) {
    if (sequence > head || (limit !== undefined && limit.segment < sequence)) continue
    const isBound = limit?.segment === sequence
    line.set(sequence, isBound ? { end: Math.min(limit!.offset, size), by } : { end: size, by: undefined })
    limit = openings.get(sequence)?.opening.previous
    by = sequence
  }
  return line
}

/** A position in a segment that is not there any more is passed by every line. */
function passes(line: Line, { segment, offset }: Position, sizes: ReadonlyMap<number, number>): boolean {
  if (segment === ORIGIN.segment || !sizes.has(segment)) return true
  return offset <= (line.get(segment)?.end ?? -1)
}

/** How far the forks of each segment were merged. */
function mergedIn(openings: Openings): ReadonlyMap<number, number> {
  const merged = new Map<number, number>()
  for (const opened of openings.values()) {
    for (const { segment, end } of opened?.opening.merged ?? []) {
      merged.set(segment, Math.max(end, merged.get(segment) ?? 0))
    }
  }
  return merged
}
