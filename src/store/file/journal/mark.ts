/** A position of the file log as the engine has it: a place in the journal, with what must be known there. */
import type { Position as LogPosition } from '../../../core/log.ts'
import { ORIGIN, type Position } from './position.ts'

export interface JournalMark extends Position {
  /** Attempts that the journal holds before it. */
  readonly records: number
  /** Segments before this one hold only what a reset has forgotten. */
  readonly resetAt: number
}

export const FIRST_MARK: JournalMark = { ...ORIGIN, records: 0, resetAt: 0 }

const MARK = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/

export function printMark({ segment, offset, records, resetAt }: JournalMark): LogPosition {
  return `${segment}.${offset}.${records}.${resetAt}`
}

/** Throws a RangeError where the text is no position of a file log. */
export function readMark(position: LogPosition): JournalMark {
  const found = MARK.exec(position)
  if (found === null) throw new RangeError(`not a position of a file log: ${position}`)
  const [segment, offset, records, resetAt] = found.slice(1).map(Number) as [number, number, number, number]
  return { segment, offset, records, resetAt }
}
