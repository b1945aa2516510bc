/**
 * Forks of the journal. If the lock fails, two owners may append at the same time. One of them reads the journal and continues it, and the
 * other one continues an earlier state: its records are a fork. Every segment names its owner, and states where the journal ended when it
 * began. That is enough to find forks.
 */
import { ORIGIN, type Position } from '../journal/position.ts'
import type { OpenedSegment, Stretch } from '../journal/segments.ts'

/** By sequence number, oldest first. Undefined if the first record is damaged. */
export type Openings = ReadonlyMap<number, OpenedSegment | undefined>

/** Part of a segment that the rest of the journal does not continue. */
export interface Fork extends Stretch {
  /** The segment of another owner that continues from an earlier position. */
  readonly beside: number
}

export interface Forks {
  /** The newest segment of the journal to continue. Newer segments do not belong to it. */
  readonly head: number
  /** Ordered by segment. */
  readonly forks: readonly Fork[]
}

/** A branch of the journal: where each of its segments ends, and the segment that states this. Newest first. */
type Branch = ReadonlyMap<number, { readonly end: number; readonly by: number | undefined }>

/**
 * Finds the newest branch that contains `covered`, the position up to which everything is counted, and the forks beside it. Bytes that an
 * owner itself excluded are not a fork, because it never acknowledged them.
 */
export function findForks(sizes: ReadonlyMap<number, number>, openings: Openings, covered: Position): Forks {
  const newestOf = new Map<string, number>()
  for (const [sequence, opened] of openings) if (opened !== undefined) newestOf.set(opened.opening.owner, sequence)
  const newest = [...sizes.keys()].at(-1) ?? 0
  const heads = [newest, ...[...newestOf.values()].sort((a, b) => b - a)]
  const head = heads.find(one => contains(branchFrom(one, sizes, openings), covered, sizes)) ?? newest
  const main = branchFrom(head, sizes, openings)
  const merged = mergedIn(openings)
  // Usually empty. Then no other branch has to be followed.
  const beyond = new Set<string>()
  for (const [sequence, opened] of openings) {
    if (opened !== undefined && sizes.get(sequence) !== main.get(sequence)?.end) beyond.add(opened.opening.owner)
  }
  const forks: Fork[] = []
  for (const [owner, own] of newestOf) {
    if (!beyond.has(owner)) continue
    for (const [sequence, { end, by }] of branchFrom(own, sizes, openings)) {
      if (openings.get(sequence)?.opening.owner !== owner) continue
      const start = Math.max(main.get(sequence)?.end ?? 0, merged.get(sequence) ?? 0)
      const beside = main.get(sequence)?.by ?? [...main.keys()].findLast(one => one > sequence) ?? head
      if (start < end) forks.push({ sequence, start, end, bounded: by !== undefined, beside })
    }
  }
  return { head, forks: forks.sort((a, b) => a.sequence - b.sequence) }
}

/** The branch from segment `head` back to the oldest. Segments that the next one skips are not part of it. */
function branchFrom(head: number, sizes: ReadonlyMap<number, number>, openings: Openings): Branch {
  const branch = new Map<number, { end: number; by: number | undefined }>()
  let limit: Position | undefined
  let by: number | undefined
  for (const [sequence, size] of [...sizes].reverse()) {
    if (sequence > head || (limit !== undefined && limit.segment < sequence)) continue
    const isBound = limit?.segment === sequence
    branch.set(sequence, isBound ? { end: Math.min(limit!.offset, size), by } : { end: size, by: undefined })
    limit = openings.get(sequence)?.opening.previous
    by = sequence
  }
  return branch
}

/** Whether a branch contains a position. Every branch contains a position in a segment that no longer exists. */
function contains(branch: Branch, { segment, offset }: Position, sizes: ReadonlyMap<number, number>): boolean {
  if (segment === ORIGIN.segment || !sizes.has(segment)) return true
  return offset <= (branch.get(segment)?.end ?? -1)
}

/** The end of the part of each segment that was merged as a fork. */
function mergedIn(openings: Openings): ReadonlyMap<number, number> {
  const merged = new Map<number, number>()
  for (const opened of openings.values()) {
    for (const { segment, end } of opened?.opening.merged ?? []) {
      merged.set(segment, Math.max(end, merged.get(segment) ?? 0))
    }
  }
  return merged
}
