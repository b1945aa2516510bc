/** What the questions and the tracker need from the outside. */

import type { Recent } from './aggregate/recent.ts'
import type { SeriesPoint } from './aggregate/series.ts'
import type { Summary } from './aggregate/summary.ts'
import type { AgentAttempt, AttemptKey } from './attempt/attempt.ts'
import { type Instant, printTimestamp } from './attempt/timestamp.ts'
import type { StoreMetricValues } from './store-metrics.ts'

/** Milliseconds since the epoch, now. */
export type Clock = () => number

/** Says that an answer is no longer wanted: an `AbortSignal` is one. */
export interface StopSignal {
  readonly aborted: boolean
  /** Throws the reason once it has aborted. */
  throwIfAborted(): void
}

/** A span of time in milliseconds since the epoch: `sinceMs` counts, `untilMs` does not. */
export interface TimeRange {
  readonly sinceMs: number
  readonly untilMs: number
}

/** How far back, and how finely, ranges can be answered. */
export interface Coverage {
  /** The earliest time from which on nothing is missing; -Infinity where nothing ever left. */
  readonly earliestMs: number
  /** The length of the buckets that answer a range that begins when it was asked for, or at the earliest time where that is later. */
  readonly spanMs: number
}

/** Only keys that equal every given name. */
export interface KeyFilter {
  readonly agent_name?: string | undefined
  readonly model_name?: string | undefined
  readonly issue_type?: string | undefined
}

/** What is known of one key: over its whole life, or over the range that was asked for. */
export interface KeySummary {
  readonly key: AttemptKey
  readonly summary: Summary
  /** Always the last attempts of the key's whole life. */
  readonly recent: Recent
  /** Where it is told: it rises whenever the summary changes. */
  readonly changes?: number
}

/** What one arm of an experiment did, over its whole life or the range that was asked for. */
export interface ArmSummary {
  readonly variant: string
  readonly summary: Summary
}

/** How many attempts came when the limit of arms was reached, and belong to no arm that is told apart. */
export interface OverflowedArms {
  /** Of the experiment. */
  readonly own: number
  /** Of experiments of which nothing is known but that there were such. */
  readonly unknown: number
}

/** How many attempts were kept, and how many were known already by their id. */
export interface Appended {
  readonly accepted: number
  readonly duplicates: number
}

/** What parsing a batch of attempts found out besides the attempts. Each list has one entry per attempt. */
export interface ParsedBatch {
  /** The parsed timestamps; undefined where an attempt states none. Applying defaults fills them in. */
  readonly instants: (Instant | undefined)[]
  readonly rawJson?: RawJson | undefined
}

/** A {@link ParsedBatch} after defaults were applied: the store neither parses timestamps nor serializes these attempts again. */
export interface PreparedBatch {
  readonly instants: readonly Instant[]
  readonly rawJson?: RawJson | undefined
}

/**
 * The serialized attempts of a batch: attempt `i` is `sources[i]` from `starts[i]` to `ends[i]`, UTF-8 JSON without line feeds. The store
 * serializes an attempt itself where its source is undefined. Parallel arrays, because an object per attempt costs more.
 */
export interface RawJson {
  readonly sources: (Uint8Array | undefined)[]
  readonly starts: number[]
  readonly ends: number[]
}

/** What came of points of metrics: how many attempts were new in them, and how many points there was no room for. */
export interface AppendedPoints {
  readonly attempts: number
  readonly refused: number
}

export interface AttemptQuery extends KeyFilter {
  /** Stops the reading when it aborts: the promise rejects with its reason. */
  readonly signal?: StopSignal | undefined
  readonly limit: number
  /** Where the page before this one ended; absent for the newest. */
  readonly cursor?: string | undefined
  readonly range?: TimeRange | undefined
  /** `newest` first unless stated. From the oldest on, a listing ends with what was kept when its first page was read. */
  readonly order?: AttemptOrder | undefined
  /** Whether attempts that were kept without an id get one here, made of their place in the store and what they say: always the same. */
  readonly withIds?: boolean | undefined
}

/** What comes first on a page. */
export type AttemptOrder = 'newest' | 'oldest'

/** A page, newest first unless the query says otherwise. It may hold fewer than were asked for and still have a `next_cursor`. */
export interface AttemptPage {
  readonly attempts: readonly AgentAttempt[]
  readonly next_cursor: string | null
  /** Present only where something is missing. */
  readonly missing?: MissingAttempts
}

/**
 * What should stand among the attempts that a page has passed and cannot be read. It is not known whether a filter would have let it
 * through. What a missing segment held is counted on the page that reaches the next segment.
 */
export interface MissingAttempts {
  /** Attempts that are damaged or gone. */
  readonly records: number
  /** Parts of the store that are gone or cut short. */
  readonly segments: number
  /** False where nothing says how many attempts those parts held: then there may be more. */
  readonly exact: boolean
}

/** Whether attempts can be kept at this moment, with one sentence that says why not. */
export interface StoreHealth {
  readonly writable: boolean
  readonly reason?: string | undefined
  /** What is wrong although attempts are kept, such as damage to what was kept before. Absent where nothing is. */
  readonly advisories?: readonly Advisory[]
}

export interface Advisory {
  /** What kind of thing it is, in one word. */
  readonly name: string
  /** In one sentence, for people. */
  readonly detail: string
}

/**
 * Keeps attempts. One conformance suite runs against every store.
 *
 * Appends are counted in the order of the calls. After `close` every method but `health` rejects with {@link StoreUnavailable}.
 */
export interface Store {
  /**
   * Keeps the attempts: when it resolves they survive a crash and a power cut, and are counted exactly once. Idempotent by
   * `attempt_id`. Rejects with {@link StoreUnavailable} when they may not be kept; then none of them is counted.
   */
  append(attempts: readonly AgentAttempt[], batch?: PreparedBatch): Promise<Appended>
  /**
   * Keeps what is new in points of metrics: when it resolves it survives as attempts do, and is counted exactly once, however often the
   * points come. Rejects with {@link StoreUnavailable} when it may not be kept; then the same points may be sent again.
   */
  appendPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints>
  /**
   * Every key that passes the filter, in the order they first came; with a range, only those with attempts in it. Summaries without
   * a range are live: read them before the next await, and never write to them.
   * A list may grow, and else never changes: what was found out about its first keys stays true.
   * Rejects with {@link RangeNotHeld} where part of what the range asks for is not held by time any more, and with the signal's reason
   * where `signal` aborts before it is done.
   */
  summaries(range?: TimeRange, filter?: KeyFilter, signal?: StopSignal): Promise<readonly KeySummary[]>
  /** The arms of an experiment that are told apart; empty where there is none of that name. Rejects as {@link summaries}. */
  arms(experiment: string, range?: TimeRange, signal?: StopSignal): Promise<readonly ArmSummary[]>
  /** Attempts of an experiment that are told apart in no arm. Rejects as {@link summaries}. */
  overflowedArms(experiment: string, range?: TimeRange): Promise<OverflowedArms>
  /** How far back, and how finely, a range that begins at `sinceMs` can be answered. */
  coverage(sinceMs: number): Coverage
  /** Kept attempts, newest kept first. */
  attempts(query: AttemptQuery): Promise<AttemptPage>
  /** Forgets every attempt, for ever. */
  reset(): Promise<void>
  health(): StoreHealth
  /** Resolves when all that was promised is on disk. */
  close(): Promise<void>
}

/** A store that tells of itself. */
export interface ObservedStore extends Store {
  metrics(): StoreMetricValues
  /** Records that were counted again from the log when it was opened. */
  readonly replayedRecords: number
}

/**
 * A range begins before what is held by time: part of it left, by the settings of the tiers, and an answer would count too little. The
 * message names `since` and the earliest time that can be answered.
 */
export class RangeNotHeld extends RangeError {
  override readonly name = 'RangeNotHeld'
  /** What is wrong with `since`, in one sentence. */
  readonly detail: string
  /** For a command that lets the error end it. */
  readonly exitCode = 64

  constructor(earliestMs: number) {
    const earliest = printTimestamp({ ms: earliestMs, local: false })
    const detail = `must not be before ${earliest}: counts by time are held from then on. Ask from then on, or without since and until for the whole life; a tier that is kept longer (--tiers) reaches back further from now on`
    super(`since ${detail}`)
    this.detail = detail
  }
}

/** Attempts of an experiment were recorded, but not told apart from others: the limit of arms had been reached. */
export class ExperimentNotTold extends Error {
  override readonly name = 'ExperimentNotTold'
  /** For a command that lets the error end it. */
  readonly exitCode = 1
}

/** Why attempts are not taken: too many are waiting, the disk or database fails, or the store was closed. */
export type UnavailableReason = 'overloaded' | 'failing' | 'closed'

/** The store cannot keep attempts now, or at all: nothing was counted, and the same attempts may be sent again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly reason: UnavailableReason
  /** When it is worth another try, in seconds. */
  readonly retryAfterSeconds: number

  constructor(
    message: string,
    options: { cause?: unknown; reason?: UnavailableReason; retryAfterSeconds?: number } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.reason = options.reason ?? 'failing'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}
