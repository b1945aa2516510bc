/** What keeps the items of a stream of lines: it groups lines, and keeps a group on request. */
import type { Appended } from '../core/ports.ts'
import type { InvalidLine } from './line-group.ts'
import type { Lines } from './line-splitter.ts'

export interface LineSink {
  /** What a line is, in messages. */
  readonly noun: string
  /** Items of the group. */
  readonly size: number
  readonly isFull: boolean
  /** Bytes of memory that the group keeps. */
  readonly heldBytes: number
  /** The deadline for keeping the group, on the clock of `performance.now`. Infinity for an empty group. */
  readonly dueMs: number
  /**
   * Returns a function that adds lines from an index on, up to an invalid one or until the group is full. It returns the next index, and what is
   * wrong there.
   */
  reader(lines: Lines): (from: number) => { readonly next: number; readonly invalid?: InvalidLine }
  /** Counts invalid lines. */
  rejected(count: number): void
  /** Keeps the group, which is empty afterwards. Rejects as the keeper does. */
  flush(): Promise<void>
  /** What was kept so far. */
  answer(): Appended
}
