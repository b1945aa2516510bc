/** Which part of a log that numbers its groups is still stored. */
import type { LogReach, Position } from '../../core/log.ts'
import { readRecords } from './records.ts'

/** The ends of the log. */
export interface LogEnds {
  /** The sequence of the oldest group that has not expired, and the position before it. */
  readonly first: number
  readonly beforeFirst: Position
  /** The sequence of the last reset. 0 without one. */
  readonly resetAt: number
}

/** `groupAt` returns a stored group. Undefined if there is none of that sequence. */
export async function reachOf(
  { first, beforeFirst, resetAt }: LogEnds,
  groupAt: (sequence: number) => Promise<{ readonly after: Position; readonly records: string } | undefined>,
): Promise<LogReach> {
  const reset = resetAt >= first ? await groupAt(resetAt) : undefined
  if (reset !== undefined) return { position: reset.after, completeMs: Number.NEGATIVE_INFINITY }
  if (first === 1) return { position: beforeFirst, completeMs: Number.NEGATIVE_INFINITY }
  const oldest = await groupAt(first)
  const [record] = oldest === undefined ? [] : readRecords(oldest.records)
  return { position: beforeFirst, completeMs: record?.nowMs ?? Number.POSITIVE_INFINITY }
}
