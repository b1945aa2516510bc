/**
 * The log port. A log stores groups of records durably and reads them back in one total order. It does not interpret the records. The engine
 * above it does group commit, dedup, the fold, retries and the schedule of snapshots. A log is a file, or a database table or stream that
 * several sidecars share. The suite test/store/log-conformance.ts runs against every log. Longer than 250 lines because it is the whole contract of
 * a log, most of it comments.
 */
import type { TierOptions } from './aggregate/time-tiers.ts'
import type { AgentAttempt } from './attempt/attempt.ts'
import type { Instant } from './attempt/timestamp.ts'
import type { Limits, LogRecord, OutcomeRecord, RecordTimes } from './fold.ts'
import type { AttemptPage, AttemptQuery, StoreHealth } from './ports.ts'

/**
 * A position in the log, as opaque text. Equal positions follow the same groups. A log that may lose groups therefore includes a digest of
 * them: a failover reuses sequence numbers. The engine only tests positions for equality. It does not order them.
 */
export type Position = string

/** Whether other sidecars may append to the log too. */
export const isShared = ({ id }: Pick<LogInfo, 'id'>): boolean => id !== undefined

/** Properties of the log that all its sidecars share. */
export interface LogInfo {
  /**
   * Identifies the log among others. All sidecars of the log have the same one, and a log that is created later has another one. A restored
   * backup keeps it. Undefined for a log that only one process can open.
   */
  readonly id: string | undefined
  /** Unique for each opening. */
  readonly writer: string
  /** The position before the first group. */
  readonly start: Position
  /** The hash seed of the dedup window. */
  readonly seed: readonly [number, number]
  /** The initial limits. Every sidecar uses the same ones, because other limits lead to another state. */
  readonly limits: Limits
  /** The tiers of all sidecars. Undefined if the settings decide. */
  readonly tiers?: readonly TierOptions[] | undefined
  /**
   * Bytes of acknowledged groups that a writer buffers, to append them again if a failover of the log loses them. 0 for a log that never
   * loses acknowledged groups.
   */
  readonly resendBytes: number
}

/** The unit of an append. */
export interface Group {
  /**
   * Set for a group of another writer than {@link LogInfo.writer}, whose groups several processes may append, each the same ones. The first
   * of them is only appended to an empty log, else the append rejects with {@link LogNotEmpty}.
   */
  readonly writer?: string
  /** The group was spooled while the log was away. Unlike other groups with a {@link writer}, it may be appended to any log. */
  readonly isSpooled?: boolean
  /** 1 for the writer's first group, then consecutive. An append with the same number is a retry of the same group. */
  readonly number: number
  /** How many of the records are attempts. */
  readonly attempts: number
  /** The records in their frames from {@link Log.frame}, concatenated. Valid until the append resolves or rejects. */
  readonly records: Uint8Array
  /** The group is a single reset record. The log may delete everything before it. */
  readonly isReset: boolean
}

/** Whether a group may only become the first of an empty log. */
export function mustBeFirst({ writer, number, isSpooled = false }: Group): boolean {
  return writer !== undefined && number === 1 && !isSpooled
}

/** The position of a stored group. */
export interface Kept {
  readonly position: Position
  /** The position of the group before it. */
  readonly after: Position
}

/** A group read from the log. */
export interface KeptGroup extends Kept {
  readonly writer: string
  /** The writer's number. Undefined if the log does not store it. The outcome of an append to such a log is never unknown. */
  readonly number: number | undefined
  readonly records: readonly LogRecord[]
  /** True if records in this group, or between the group before it and this one, are damaged or missing. */
  readonly isDamaged?: boolean
}

/** Records of {@link Log.stored}. */
export type StoredRecords = Pick<KeptGroup, 'records' | 'isDamaged'>

/** The part of the log that is still stored. */
export interface LogReach {
  /** A read after it returns every stored group since the last reset. */
  readonly position: Position
  /**
   * Every record received from this time on is stored, in milliseconds since the epoch. -Infinity if nothing has expired since the log began
   * or since the last reset. Infinity if it is unknown.
   */
  readonly completeMs: number
}

/** The bytes that a log puts around the JSON of a record. They depend on the time of receipt. */
export interface RecordFrame {
  readonly before: Uint8Array
  /** Number of bytes after the JSON. */
  readonly after: number
  /** Completes a record whose `before` and JSON are at `start` to `end`. Returns the end of the record. */
  seal(bytes: Uint8Array, start: number, end: number): number
}

/** State to write as a snapshot. */
export interface CapturedSnapshot {
  readonly position: Position
  /** Length and CRC-32 of each block. */
  readonly blocks: readonly { readonly bytes: number; readonly checksum: number }[]
  /** All blocks, concatenated, in chunks. A chunk is valid until the next one is requested. */
  bytes(): AsyncIterable<Uint8Array>
}

/** A snapshot stored by the log. */
export interface StoredSnapshot {
  readonly position: Position
  /** The blocks of the snapshot. Rejects with {@link SnapshotDamaged} if one is damaged. */
  blocks(): AsyncIterable<Uint8Array>
  /** Called if the snapshot is damaged, so that the log reports it and does not return it again. */
  setAside?(reason: string): Promise<void>
}

/**
 * A temporary buffer outside the JavaScript heap. A snapshot on the heap causes GC pauses of tens of milliseconds. It is deleted when it is
 * closed or the process ends.
 */
export interface TemporaryFile {
  /** Appends `bytes`. Calls may overlap. */
  write(bytes: Uint8Array): Promise<void>
  /** Reads at most `length` bytes at `offset`. The result may use the memory of `into`. */
  read(offset: number, length: number, into: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** What a log stores under the id of an attempt. */
export interface FoundAttempt {
  /** The attempt as it was recorded, and the time that its timestamp states. */
  readonly attempt: AgentAttempt
  readonly at: Instant
  /** The outcomes that count, oldest first: at least the latest one, if there is any. */
  readonly outcomes: readonly OutcomeRecord[]
}

/** Receives events of a log. */
export interface LogWatcher {
  /** Another writer may have appended. Spurious calls are allowed. */
  changed(): void
  /** The newest group of the log was at a position at this time, in milliseconds since the epoch. For shared logs. */
  ended?(position: Position, atMs: number): void
  /** Appends fail until {@link Log.recover} resolves. */
  failed(error: Error): void
  /** The log can be read again after it {@link failed}. */
  returned?(): void
  /** A stored snapshot is damaged. The engine must take a new one. */
  needsSnapshot(): void
}

/** See the comment at the top of this file. No method may be called after `close`. */
export interface Log {
  readonly info: LogInfo
  /** The frame of records received at these times. Repeated calls with the same times are cheap. */
  frame(times: RecordTimes): RecordFrame
  /**
   * Appends a group at the end. The group is durable when this resolves. Calls must not overlap, and numbers must be consecutive. Idempotent:
   * a repeated number resolves with the position of the stored group. Rejects with {@link LogRefused} if the group is not stored and never
   * will be. Rejects with {@link LogBehind} if the number does not follow the writer's latest group. After any other rejection the group may be stored:
   * the engine repeats the append until its outcome is known.
   */
  append(group: Group): Promise<Kept>
  /**
   * Reads the groups after a position, of all writers, in order and without gaps, up to the current end. A group may not be durable yet: only
   * {@link append} acknowledges. With `until`, it ends with the group at that position. Throws {@link LogDiverged}, {@link LogTruncated}.
   */
  read(after: Position, until?: Position): AsyncIterable<KeptGroup>
  reach(): Promise<LogReach>
  /**
   * The stored records since the last reset, oldest first, up to a position: what a copy of the log holds. Without records that {@link leaveOut}
   * marked. Throws {@link LogTruncated} if some of them expire meanwhile.
   */
  stored(until: Position): AsyncIterable<StoredRecords>
  /** A page of attempts, for listing and export. The page reports damaged records. It never skips them silently. */
  page(query: AttemptQuery): Promise<AttemptPage>
  /**
   * The attempts recorded under the ids, with their outcomes, by id. Ids that the log does not have are left out, for example after the attempt
   * expired. The first lookup reads the log back to the oldest wanted attempt. Later ones use an index in memory of what was read.
   */
  find(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, FoundAttempt>>
  /**
   * Marks records of a group, by their indexes in it, as duplicates of known ids. {@link page} and {@link find} skip them.
   */
  leaveOut(position: Position, places: readonly number[]): void
  /** The snapshots at positions that are still valid, newest first. */
  snapshots(): Promise<readonly StoredSnapshot[]>
  /** Stores a snapshot atomically, and deletes old ones. Resolves with its size in bytes. */
  putSnapshot(snapshot: CapturedSnapshot): Promise<number>
  /** A new temporary file for capturing a snapshot. */
  temporaryFile(): Promise<TemporaryFile>
  /**
   * Closes the current segment of the log if it is old, so that it can expire as a whole. Called before a snapshot is captured, while nothing
   * is appended. Resolves with a position after the same groups as `folded`. It becomes the position of the snapshot.
   */
  rotate(folded: Position): Promise<Position>
  /** Deletes groups beyond the retention that two snapshots cover. True if another snapshot would allow deleting more. */
  expire(): Promise<boolean>
  /** Makes the log writable again after a rejection. Rejects if that fails. */
  recover(): Promise<void>
  /** Sets the receiver of events. Called once, before the first append. */
  watch(watcher: LogWatcher): void
  health(): StoreHealth
  close(): Promise<void>
}

/** The group is not stored, and never will be. It is safe to send the same attempts again. */
export class LogRefused extends Error {
  override readonly name = 'LogRefused'
  /** Whether this process can never append again. */
  readonly isFinal: boolean

  constructor(cause: unknown, { isFinal = false }: { readonly isFinal?: boolean } = {}) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.isFinal = isFinal
  }
}

/**
 * The number of a group does not follow the latest group of its writer. If that is an earlier one, the log lost groups that it acknowledged:
 * the engine must append them again, in order. If it is a later one, another process appended the same groups.
 */
export class LogBehind extends Error {
  override readonly name = 'LogBehind'
  /** The number of the writer's latest group in the log. */
  readonly number: number

  constructor(number: number) {
    super(`the log knows this writer's groups up to ${number} only`)
    this.number = number
  }
}

/** The log is not empty, so a document cannot become its beginning. */
export class LogNotEmpty extends Error {
  override readonly name = 'LogNotEmpty'
}

/** After a failover or a restored backup, the log no longer contains groups that were read from it. Restore the state from a snapshot. */
export class LogDiverged extends Error {
  override readonly name = 'LogDiverged'
}

/**
 * The log has a record that only a newer version of this program can read. Skipping it would lead to another state than that of the other
 * sidecars. Therefore nothing after it is folded.
 */
export class NewerRecord extends Error {
  override readonly name = 'NewerRecord'
  /** The exit code of a command that fails with this error. */
  readonly exitCode = 78
  /** Undefined if the record states none. */
  readonly version: number | undefined

  constructor(version: number | undefined, known: number) {
    super(
      `the log has records of ${version === undefined ? 'an unknown kind' : `version ${version}`}; this version of the program reads up to ${known}: install the newer one`,
    )
    this.version = version
  }
}

/** The log holds an unfinished copy of another store, whose answers would be wrong. */
export class UnfinishedCopy extends Error {
  override readonly name = 'UnfinishedCopy'
  /** The exit code of a command that fails with this error. */
  readonly exitCode = 75

  constructor() {
    super(
      'the store is an unfinished copy of another one: run the same "agent-performance copy" again, which finishes it',
    )
  }
}

/** A stored snapshot is damaged. Use an older one, or the log itself. */
export class SnapshotDamaged extends Error {
  override readonly name = 'SnapshotDamaged'
}

/** The groups after the requested position have expired. Restore the state from a snapshot. */
export class LogTruncated extends Error {
  override readonly name = 'LogTruncated'
}
