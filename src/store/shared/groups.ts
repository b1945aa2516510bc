/** What a database or stream does for a shared log: it stores numbered groups, and snapshots. */
import type { CapturedSnapshot, Group, Kept, Position, StoredSnapshot } from '../../core/log.ts'
import type { LogLimits } from './limits.ts'
import type { GroupSource, StoredGroup } from './page.ts'
import { sequenceOf } from './position.ts'
import type { LogEnds } from './reach.ts'

/** Groups of one read. A group has about 1 MB at most, so that a read stays below some tens of MB. */
export const READ_GROUPS = 50

/** Properties of the log that were set when it was created. All its sidecars use them. */
export interface Head {
  readonly id: string
  /** The hash seed of the dedup window. */
  readonly seed: readonly [number, number]
  readonly limits: LogLimits
}

/** A group as it is read back. */
export interface ReadGroup extends Kept {
  readonly writer: string
  readonly number: number
  readonly records: string
}

/** Why the log does not continue a position. */
export interface Gone {
  /** The groups after the position have expired. Otherwise the log has other groups than were read from it. */
  readonly isTruncated: boolean
  readonly detail: string
}

export interface SharedGroups extends GroupSource {
  /**
   * Appends a group of a writer, as {@link Log.append} does. Rejects with {@link Unanswered} where it is unknown whether the group is stored.
   */
  append(writer: string, group: Group): Promise<Kept>
  /** Whether an error of {@link append} proves that the group is not stored. */
  isRefusal(error: unknown): boolean
  /** The position of the newest group. */
  end(): Promise<Position>
  ends(): Promise<LogEnds>
  /** The group of a sequence. Undefined if there is none. */
  at(sequence: number): Promise<{ readonly after: Position; readonly records: string } | undefined>
  /** The next {@link READ_GROUPS} groups behind a sequence, oldest first. Fewer: there are no more now. */
  after(sequence: number): Promise<readonly ReadGroup[]>
  /** The stored groups among those of ascending sequences, in this order. */
  select(sequences: readonly number[]): Promise<readonly StoredGroup[]>
  /** Undefined where the log continues the position. */
  whyGone(position: Position): Promise<Gone | undefined>
  /** Marks records of a group as repeats of known ids. */
  leaveOut(sequence: number, places: readonly number[]): Promise<void>
}

export interface SharedSnapshots {
  /** Complete snapshots at positions that the log continues, newest first. */
  list(): Promise<StoredSnapshot[]>
  /** Stores a snapshot whole or not at all, and deletes all but the two newest. Returns the size in bytes. */
  put(snapshot: CapturedSnapshot): Promise<number>
}

/** The ends of a log that {@link whyGone} compares a position with. */
interface KnownEnds {
  /** The sequence of the oldest stored group, and the position before it. */
  readonly first: number
  readonly beforeFirst: Position
  readonly last: Position
  /** The position of the group that has the sequence of the position in question. Undefined if there is none. */
  readonly found: Position | undefined
}

/** Why the log does not continue a position. Undefined where it does. */
export function whyGone(position: Position, { first, beforeFirst, last, found }: KnownEnds): Gone | undefined {
  if (position === last || position === beforeFirst || position === found) return undefined
  if (sequenceOf(position) < first) return { isTruncated: true, detail: `the groups up to ${first - 1} have expired` }
  return { isTruncated: false, detail: `the log has ${found ?? 'no group'} instead of ${position}` }
}
