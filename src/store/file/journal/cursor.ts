/** The cursor between two pages of attempts: positions in the journal, as opaque text. */
import type { AttemptOrder } from '../../../core/ports.ts'
import type { Position } from './position.ts'

/** A position in the journal, and how many attempts should precede it. Undefined if unknown. */
export interface Mark extends Position {
  readonly records: number | undefined
}

export interface ListingCursor {
  readonly at: Mark
  /** Where a listing in the order `oldest` ends. Undefined in the order `newest`. */
  readonly stop?: Mark
}

const MARK = String.raw`(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15}))?`
const NEWEST = new RegExp(`^${MARK}$`)
const OLDEST = new RegExp(`^${MARK}-${MARK}$`)

export function printCursor({ at, stop }: ListingCursor): string {
  const text = stop === undefined ? printMark(at) : `${printMark(at)}-${printMark(stop)}`
  return Buffer.from(text).toString('base64url')
}

/** Throws a RangeError if the text is not a cursor of a listing in this order. */
export function readCursor(text: string, order: AttemptOrder): ListingCursor {
  const pattern = order === 'oldest' ? OLDEST : NEWEST
  const found = pattern.exec(Buffer.from(text, 'base64url').toString('latin1'))
  const cursor = found && { at: markOf(found, 1), ...(order === 'oldest' && { stop: markOf(found, 4) }) }
  if (cursor === null || printCursor(cursor) !== text) throw new RangeError('is not a cursor that a page ended with')
  return cursor
}

function printMark({ segment, offset, records }: Mark): string {
  return `${segment}.${offset}${records === undefined ? '' : `.${records}`}`
}

function markOf(found: RegExpExecArray, first: number): Mark {
  const records = found[first + 2]
  return {
    segment: Number(found[first]),
    offset: Number(found[first + 1]),
    records: records === undefined ? undefined : Number(records),
  }
}
