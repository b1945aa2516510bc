/** A place in the journal: a segment, by its sequence number, and a byte in it. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** Before the first byte of the first segment. */
export const ORIGIN: Position = { segment: 0, offset: 0 }

/** Whether `a` stands before `b`. */
export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

export function isSame(a: Position, b: Position): boolean {
  return a.segment === b.segment && a.offset === b.offset
}
