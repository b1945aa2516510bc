/** The spool port: groups that were acknowledged while the log was away, durable on this machine until the log has them. */
import { createHash } from 'node:crypto'
import type { Group } from '../../core/log.ts'

/** A group of a writer that a later process may append too: its number and content stay the same. */
export type SpooledGroup = Group & { readonly writer: string; readonly isSpooled: true }

/** A group on its way into the spool. Without a writer and number it gets those of the spool. */
export interface GroupToSpool extends Pick<Group, 'records' | 'attempts' | 'isReset'> {
  /** Of a group that was sent to the log without an answer: the log may have it. */
  readonly sentAs?: { readonly writer: string; readonly number: number } | undefined
}

export interface SpoolStats {
  /** Size of the files. */
  readonly bytes: number
  /** Attempts that the log does not have yet. */
  readonly attempts: number
  /** When the oldest of them was stored, in milliseconds since the epoch. Undefined if there is none. */
  readonly oldestMs: number | undefined
}

export interface Spool {
  readonly maxBytes: number
  readonly stats: SpoolStats
  readonly isEmpty: boolean
  /** Whether there is room for a group of so many bytes. */
  hasRoom(bytes: number): boolean
  /** Whether this process, or an earlier one on this folder, appends groups as this writer. */
  isOwn(writer: string): boolean
  /** Stores a group behind all others. It is durable when this resolves. Rejects if it is not stored, and never will be. Calls must not overlap. */
  put(group: GroupToSpool): Promise<void>
  /** The oldest group. Undefined if there is none. */
  first(): Promise<SpooledGroup | undefined>
  /** The log has the oldest group. */
  removeFirst(): Promise<void>
  /** Goes back to a group that was removed. False if it is not stored any more. */
  goBackTo(writer: string, number: number): boolean
  close(): Promise<void>
}

/** A writer, as a UUID, that is the same for every process that derives it from another writer and the number of a group. */
export function derivedWriter(writer: string, number: number): string {
  const hash = createHash('sha256').update(`${writer} ${number}`).digest('hex')
  return hash.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
