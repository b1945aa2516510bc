/**
 * The log port: where groups of records are kept durably and read back in one order. A log knows nothing of what they count; the engine above it
 * does group commit, dedup, the fold, retries and the schedule of snapshots. A file is a log; a table or a stream of a database can be one, which
 * several sidecars share. One suite, test/store/log-conformance.ts, runs against every log.
 */
import type { AttemptRecord, Limits, LogRecord, OutcomeRecord, RecordTimes } from './fold.ts'
import type { AttemptPage, AttemptQuery, StoreHealth } from './ports.ts'

/**
 * A place in the log, as text that only the log reads. Equal texts are equal places behind equal groups, so a log that may lose groups puts a
 * digest of them into it: a sequence number alone is used again after a failover. The engine compares positions and orders none.
 */
export type Position = string

/** What belongs to the log and not to one sidecar, and what it promises. */
export interface LogInfo {
  /** Unique for each opening. */
  readonly writer: string
  /** Behind the first opening of an empty log, before the first group. */
  readonly start: Position
  /** That of the dedup window. */
  readonly seed: readonly [number, number]
  /** Bounds of what follows. The same for every sidecar: other bounds would lead to other states. */
  readonly limits: Limits
  /**
   * How many bytes of acknowledged groups their writer keeps, to send them again where the log lost them in a failover. 0 for a log that loses
   * nothing it acknowledged.
   */
  readonly resendBytes: number
}

/** What one writer appends in one go. */
export interface Group {
  /** 1 for the writer's first group, and so on: the same number again means the same group again. */
  readonly number: number
  /** How many of the records are attempts. */
  readonly attempts: number
  /** In the frame that {@link Log.frame} gives, one behind the other. Only valid until the append resolves or rejects. */
  readonly records: Uint8Array
  /** The group is a reset record alone: nothing before it counts, and the log may drop it. */
  readonly isReset: boolean
}

/** Where a group stands. */
export interface Kept {
  readonly position: Position
  /** The position of the group before it. */
  readonly after: Position
}

/** A group that was read back. */
export interface KeptGroup extends Kept {
  readonly writer: string
  /** The writer's number; undefined where the log does not keep it, which then never leaves an append unanswered. */
  readonly number: number | undefined
  readonly records: readonly LogRecord[]
}

/** What a log puts around the JSON of records that were received at one time. */
export interface RecordFrame {
  readonly before: Uint8Array
  /** Bytes behind the JSON. */
  readonly after: number
  /** Completes a record whose `before` and JSON stand from `start` to `end`; answers where it ends. */
  seal(bytes: Uint8Array, start: number, end: number): number
}

/** State on its way into a snapshot. */
export interface CapturedSnapshot {
  readonly position: Position
  /** Length and CRC-32 of each block. */
  readonly blocks: readonly { readonly bytes: number; readonly checksum: number }[]
  /** All blocks, one behind the other, in pieces that are valid until the next is asked for. */
  bytes(): AsyncIterable<Uint8Array>
}

/** A snapshot that the log holds. */
export interface StoredSnapshot {
  readonly position: Position
  /** Its blocks. Rejects where one is damaged. */
  blocks(): AsyncIterable<Uint8Array>
}

/** Bytes outside of the JavaScript heap, gone when it is closed or the process ends: a snapshot on the heap costs pauses of tens of milliseconds. */
export interface Spool {
  /** Adds `bytes` behind what is being added. */
  write(bytes: Uint8Array): Promise<void>
  /** At most `length` bytes from `offset` on, which may stand in `into`. */
  read(offset: number, length: number, into: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** An attempt that was looked up. */
export interface FoundAttempt {
  readonly attempt: AttemptRecord
  readonly outcome?: OutcomeRecord | undefined
}

/** What a log reports by itself. */
export interface LogWatcher {
  /** Another writer may have appended; called without need too. */
  changed(): void
  /** Nothing can be appended any more until {@link Log.recover} resolves. */
  failed(error: Error): void
  /** A snapshot that was there is damaged: another one is needed. */
  needsSnapshot(): void
}

/** See the head of this file. After `close` nothing else is called. */
export interface Log {
  readonly info: LogInfo
  /** The frame of records that are received at these times. Cheap for the same times again. */
  frame(times: RecordTimes): RecordFrame
  /**
   * Appends a group behind all others; it is durable when this resolves. One at a time, numbers in order. Idempotent: a number that was kept
   * answers its place. Rejects with {@link LogRefused} where the group is not and never will be kept, with {@link LogBehind} where earlier
   * groups of this writer are missing. Any other rejection means that it may be kept: the engine sends it again until it is answered.
   */
  append(group: Group): Promise<Kept>
  /**
   * The groups behind a position, of all writers, in order and without a gap, until there are no more now. What it yields may not be durable
   * yet: only {@link append} acknowledges. Throws {@link LogDiverged}, {@link LogTruncated}.
   */
  read(after: Position): AsyncIterable<KeptGroup>
  /** Single attempts, for listing and export. Damage is reported in the page, never skipped in silence. */
  page(query: AttemptQuery): Promise<AttemptPage>
  /**
   * The attempt that was recorded under an id, and its newest outcome; undefined where there is none any more. It may read the whole log: for
   * rare requests.
   */
  find(attemptId: string): Promise<FoundAttempt | undefined>
  /** Tells which records of a group, by their places in it, repeat known ids and do not count: {@link page} and {@link find} leave them out. */
  leaveOut(position: Position, places: readonly number[]): void
  /** Snapshots at positions that the log still confirms, newest first. */
  snapshots(): Promise<readonly StoredSnapshot[]>
  /** Puts a snapshot there whole, or not at all; old ones leave. Answers its size in bytes. */
  putSnapshot(snapshot: CapturedSnapshot): Promise<number>
  /** Room for a snapshot that is being captured. */
  spool(): Promise<Spool>
  /**
   * Called before a snapshot is captured, while nothing is appended: closes the part of the log that is written to where it is old, so that it
   * can expire as a whole. Answers a position behind the same groups as `folded`, which is that of the snapshot.
   */
  rotate(folded: Position): Promise<Position>
  /** Drops groups that are too old or too many, where two snapshots stand behind them. True where more could leave behind another snapshot. */
  expire(): Promise<boolean>
  /** Makes the log writable again after a rejection. Rejects while it cannot. */
  recover(): Promise<void>
  /** Called once, before the first append. */
  watch(watcher: LogWatcher): void
  health(): StoreHealth
  close(): Promise<void>
}

/** The group was not kept, and will not be: the same attempts may be sent again. */
export class LogRefused extends Error {
  override readonly name = 'LogRefused'
  /** Whether this process can never append again. */
  readonly isFinal: boolean

  constructor(cause: unknown, { isFinal = false }: { readonly isFinal?: boolean } = {}) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.isFinal = isFinal
  }
}

/** The log misses groups of this writer that it acknowledged before. They are to be sent again, in order. */
export class LogBehind extends Error {
  override readonly name = 'LogBehind'
  /** The writer's newest group that the log knows. */
  readonly number: number

  constructor(number: number) {
    super(`the log knows this writer's groups up to ${number} only`)
    this.number = number
  }
}

/** The log does not hold what was read from it before: after a failover, or of a restored backup. State must be taken from a snapshot. */
export class LogDiverged extends Error {
  override readonly name = 'LogDiverged'
}

/** What stands behind the position that was asked for has expired. State must be taken from a snapshot. */
export class LogTruncated extends Error {
  override readonly name = 'LogTruncated'
}
