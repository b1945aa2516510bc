/** A position in the journal: the sequence number of a segment, and a byte offset in it. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** Before the first byte of the first segment. */
export const ORIGIN: Position = { segment: 0, offset: 0 }

/** Whether `a` is before `b`. */
export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

export function isSame(a: Position, b: Position): boolean {
  return a.segment === b.segment && a.offset === b.offset
}
