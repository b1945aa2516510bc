/** The position of the file log that the engine handles: a position in the journal, and the counts at it. */
import type { Position as LogPosition } from '../../../core/log.ts'
import { ORIGIN, type Position } from './position.ts'

export interface JournalMark extends Position {
  /** Attempts in the journal before it. */
  readonly records: number
  /** The segment of the last reset. Earlier segments contain only records from before the reset. */
  readonly resetAt: number
}

export const FIRST_MARK: JournalMark = { ...ORIGIN, records: 0, resetAt: 0 }

const MARK = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/

export function printMark({ segment, offset, records, resetAt }: JournalMark): LogPosition {
  return `${segment}.${offset}.${records}.${resetAt}`
}

/** Throws a RangeError if the text is not a position of a file log. */
export function readMark(position: LogPosition): JournalMark {
  const found = MARK.exec(position)
  if (found === null) throw new RangeError(`not a position of a file log: ${position}`)
  const [segment, offset, records, resetAt] = found.slice(1).map(Number) as [number, number, number, number]
  return { segment, offset, records, resetAt }
}
