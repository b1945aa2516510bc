/** Positions of logs that number their groups: the sequence, and a hash chain over all groups up to it. */
import { createHash } from 'node:crypto'
import type { Position } from '../../core/log.ts'

/** The position before the first group. */
export const START: Position = '0:'

/** The sequence of a position: 1 for the first group, 0 at the start. */
export function sequenceOf(position: Position): number {
  return Number.parseInt(position, 10)
}

/** The position of the group that follows `after`. The chain makes a log that lost groups, and numbered others in their place, differ. */
export function nextPosition(after: Position, writer: string, number: number): Position {
  const chain = createHash('sha256').update(`${after} ${writer} ${number}`).digest('hex').slice(0, 32)
  return `${sequenceOf(after) + 1}:${chain}`
}
