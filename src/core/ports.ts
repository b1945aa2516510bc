/**
 * The ports of the core: the clock and the store. Longer than 250 lines because it is the whole contract of a store, which each kind of store
 * implements: its calls, what they take and return, and its errors.
 */

import type { ExperimentPlan } from './aggregate/experiment-plan.ts'
import type { OutcomeView } from './aggregate/outcomes.ts'
import type { Recent } from './aggregate/recent.ts'
import type { SeriesPoint } from './aggregate/series.ts'
import type { Summary } from './aggregate/summary.ts'
import type { AgentAttempt, AttemptKey } from './attempt/attempt.ts'
import { type Instant, printTimestamp } from './attempt/timestamp.ts'
import type { Outcome } from './fold.ts'
import type { StoreMetricValues } from './store-metrics.ts'

/** Milliseconds since the epoch, now. */
export type Clock = () => number

/** Cancels a computation. `AbortSignal` implements it. */
export interface StopSignal {
  readonly aborted: boolean
  /** Throws the reason if the signal has aborted. */
  throwIfAborted(): void
}

/** A time range in milliseconds since the epoch: `sinceMs` inclusive, `untilMs` exclusive. */
export interface TimeRange {
  readonly sinceMs: number
  readonly untilMs: number
}

/** The range of everything. */
export const WHOLE_LIFE: TimeRange = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }

/** The earliest time of stored counts, and the resolution of a range. */
export interface Coverage {
  /** Counts are complete from this time on. -Infinity if no count has expired. */
  readonly earliestMs: number
  /** The length of the time buckets at the requested start of the range, or at the earliest time if that is later. */
  readonly spanMs: number
}

/** Selects the keys that match every given name. */
export interface KeyFilter {
  readonly agent_name?: string | undefined
  readonly model_name?: string | undefined
  readonly issue_type?: string | undefined
}

/** Which results summaries count. `any`: the latest, with keys whose attempts are all pending. */
export type SummaryView = OutcomeView | 'any'

/** The counts of one key, over its whole lifetime or a requested range. */
export interface KeySummary {
  readonly key: AttemptKey
  readonly summary: Summary
  /** The last attempts of the key's whole lifetime, also for a range. */
  readonly recent: Recent
  /** A version that increases whenever the summary changes. Undefined if the store has none. */
  readonly changes?: number
}

/** The counts of one arm of an experiment, over its whole lifetime or a requested range. */
export interface ArmSummary {
  readonly variant: string
  readonly summary: Summary
  /** The time of its earliest attempt over its whole lifetime, in milliseconds since the epoch. */
  readonly firstMs: number
}

/** Numbers of attempts recorded after the limit of arms was reached, whose arm was not stored. */
export interface OverflowedArms {
  /** Attempts of the experiment. With a filter also attempts whose key was not stored. */
  readonly own: number
  /** Attempts of experiments whose name was not stored either. */
  readonly unknown: number
}

/** Numbers of attempts that were stored, and of attempts with a known id. */
export interface Appended {
  readonly accepted: number
  readonly duplicates: number
}

/** Results of parsing a batch of attempts. Each list has one entry per attempt. */
export interface ParsedBatch {
  /** The parsed timestamps. Undefined for an attempt without one, until defaults are applied. */
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
 * serializes an attempt itself if its source is undefined. Parallel arrays, because an object per attempt costs more.
 */
export interface RawJson {
  readonly sources: (Uint8Array | undefined)[]
  readonly starts: number[]
  readonly ends: number[]
}

/** The result of recording metric points: the number of new attempts, of points refused because the limit of series was reached, and of late deltas. */
export interface AppendedPoints {
  readonly attempts: number
  readonly refused: number
  /** Deltas that may have been counted before, and were not counted. */
  readonly late: number
}

/** Every outcome of a call is in exactly one of these counts. */
export interface AppendedOutcomes {
  readonly accepted: number
  /** Outcomes that state what the latest one of their source states. */
  readonly duplicates: number
  /** The ids of the outcomes whose attempt is not stored: it never was, or it has expired. */
  readonly unknown: readonly string[]
}

export interface AttemptQuery extends KeyFilter {
  /** Aborting it rejects the promise with its reason. */
  readonly signal?: StopSignal | undefined
  readonly limit: number
  /** `next_cursor` of the previous page. Absent for the first page. */
  readonly cursor?: string | undefined
  readonly range?: TimeRange | undefined
  /** `newest` by default. A listing from the oldest attempt ends at the attempts stored when its first page was read. */
  readonly order?: AttemptOrder | undefined
  /** Whether attempts without an id get one in the page. It is derived from their position and content, so it never changes. */
  readonly withIds?: boolean | undefined
  /** Whether the page has the outcomes too that were recorded between its attempts. */
  readonly withOutcomes?: boolean | undefined
}

/** The order of the attempts on a page. */
export type AttemptOrder = 'newest' | 'oldest'

/** A page of attempts, in the order of the query. It may contain fewer than `limit` and still have a `next_cursor`. */
export interface AttemptPage {
  readonly attempts: readonly AgentAttempt[]
  readonly next_cursor: string | null
  /** Outcomes of attempts that match the query, in the same order, with the time of receipt where they stated none. Absent if there are none. */
  readonly outcomes?: readonly Outcome[]
  /** Present only if attempts are missing. */
  readonly missing?: MissingAttempts
}

/**
 * Attempts in the range of a page that cannot be read. They are counted whether or not the filter would match them. The attempts of a missing
 * segment are counted on the page that reaches the next segment.
 */
export interface MissingAttempts {
  /** Damaged or missing attempts. */
  readonly records: number
  /** Missing or truncated segments of the log. */
  readonly segments: number
  /** False if the number of attempts in those segments is unknown. `records` is then a lower bound. */
  readonly exact: boolean
}

/** Whether the store accepts attempts now, and if not, the reason as one sentence. */
export interface StoreHealth {
  readonly writable: boolean
  /** Present if the store was opened for questions only: that it is not writable is no fault. */
  readonly isReadOnly?: boolean
  readonly reason?: string | undefined
  /** Problems that do not prevent writing, such as damage to stored attempts. Absent if there are none. */
  readonly advisories?: readonly Advisory[]
}

export interface Advisory {
  /** The type of the problem, as one word. */
  readonly name: string
  /** A description in one sentence. */
  readonly detail: string
}

/** Numbers of keys and arms that are stored, and their limits. */
export interface StoreUsage {
  /** Without the overflow key. */
  readonly keys: number
  readonly maxKeys: number
  /** Arms of experiments, without overflow arms. */
  readonly arms: number
  readonly maxArms: number
}

/**
 * Stores attempts. The same conformance suite runs against every store.
 *
 * Appends count in the order of the calls. After `close` every method except `health` rejects with {@link StoreUnavailable}.
 */
export interface Store {
  /**
   * Stores attempts. When it resolves, they survive a crash and a power failure, and are counted exactly once. Idempotent by `attempt_id`.
   * Rejects with {@link StoreUnavailable} if they may not be stored. None of them is counted then, unless its reason is `unanswered`.
   */
  append(attempts: readonly AgentAttempt[], batch?: PreparedBatch): Promise<Appended>
  /**
   * Stores the increments of metric points. They are as durable as attempts, and are counted exactly once, even if the points are sent again.
   * Rejects with {@link StoreUnavailable} if they may not be stored. It is then safe to send the same points again.
   */
  appendPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints>
  /**
   * Stores outcomes of stored attempts. When it resolves, the accepted ones are as durable as attempts, and count. Idempotent: an outcome with the
   * same source and the same result as the latest one of its source is a duplicate, unless it states another time. Rejects with
   * {@link StoreUnavailable} if some may not be stored, also while the log is away. It is then safe to send the same outcomes again.
   */
  appendOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
  /**
   * The keys that match the filter, ordered by their first attempt. With a range, only keys with attempts in it. Summaries without a range
   * are live: read them before the next await, and never write to them. A returned list is append-only, so results cached about its first
   * keys stay valid. Rejects with {@link RangeNotHeld} if counts of part of the range have expired, and with the signal's reason if `signal`
   * aborts. Counts the latest results by default. Recent attempts are always those of the latest results.
   */
  summaries(
    range?: TimeRange,
    filter?: KeyFilter,
    signal?: StopSignal,
    view?: SummaryView,
  ): Promise<readonly KeySummary[]>
  /**
   * All arms of an experiment, ordered by when the first attempt of each was recorded. Includes arms without attempts in the range or of
   * the filter. Empty for an unknown experiment. Rejects as {@link summaries} does.
   */
  arms(
    experiment: string,
    range?: TimeRange,
    filter?: KeyFilter,
    signal?: StopSignal,
    view?: OutcomeView,
  ): Promise<readonly ArmSummary[]>
  /** Attempts of an experiment whose arm was not stored. Rejects as {@link summaries} does. */
  overflowedArms(experiment: string, range?: TimeRange, filter?: KeyFilter): Promise<OverflowedArms>
  /** The names of the experiments with an arm or a plan. */
  experiments(): readonly string[]
  /** The stored plan of an experiment. Undefined if there is none. */
  experimentPlan(experiment: string): ExperimentPlan | undefined
  /**
   * Replaces the plan of an experiment durably. An empty plan removes it. Idempotent. Resolves with `full` if there are as many plans of
   * other experiments as arms may be stored. Rejects with {@link StoreUnavailable} if it may not be stored.
   */
  putExperimentPlan(experiment: string, plan: ExperimentPlan): Promise<'stored' | 'full'>
  /** The coverage of a range that begins at `sinceMs`. */
  coverage(sinceMs: number): Coverage
  /**
   * The range that an answer about `range` covers. The start is clipped down and the end up, each to the finest time bucket that is stored
   * there. Infinite edges stay. Throws {@link RangeNotHeld} if counts of part of the range have expired.
   */
  clip(range: TimeRange): TimeRange
  /**
   * Undefined if all attempts of the store are included, apart from those of the last moments. Otherwise the time up to which they certainly are,
   * in milliseconds since the epoch: the database is away, attempts of others are read late, or own ones wait in the spool.
   */
  asOf(): number | undefined
  /** A page of stored attempts, ordered by when they were recorded, newest first by default. */
  attempts(query: AttemptQuery): Promise<AttemptPage>
  /** Deletes every attempt permanently. */
  reset(): Promise<void>
  health(): StoreHealth
  usage(): StoreUsage
  /** The alerts that fire, by their ids, and since when, in milliseconds since the epoch. Empty in a process that evaluates none. Live. */
  firingAlerts(): ReadonlyMap<string, number>
  /** Resolves when all acknowledged attempts are on disk. Calls without an answer from the log reject with the reason `unanswered`. */
  close(): Promise<void>
}

/** The questions that the state and the log answer. They change nothing. */
export type StoreQueries = Pick<
  Store,
  | 'summaries'
  | 'arms'
  | 'overflowedArms'
  | 'experiments'
  | 'experimentPlan'
  | 'coverage'
  | 'clip'
  | 'attempts'
  | 'usage'
  | 'firingAlerts'
>

/** A store with metrics. */
export interface ObservedStore extends Store {
  metrics(): StoreMetricValues
  /** Records replayed from the log when it was opened. */
  readonly replayedRecords: number
}

/**
 * The range begins before the earliest stored counts. Older counts have expired, as the settings of the tiers require, so an answer would
 * be too low. The message names `since` and the earliest possible time.
 */
export class RangeNotHeld extends RangeError {
  override readonly name = 'RangeNotHeld'
  /** Why `since` is invalid, in one sentence. */
  readonly detail: string
  /** The exit code of a command that fails with this error. */
  readonly exitCode = 64

  constructor(earliestMs: number) {
    const earliest = printTimestamp({ ms: earliestMs, local: false })
    const detail = `must not be before ${earliest}: counts by time are held from then on. Ask from then on, or without since and until for the whole life; a tier that is kept longer (--tiers) reaches back further from now on`
    super(`since ${detail}`)
    this.detail = detail
  }
}

/** Attempts of an experiment were recorded without their arm, because the limit of arms was reached. */
export class ExperimentNotTold extends Error {
  override readonly name = 'ExperimentNotTold'
  /** The exit code of a command that fails with this error. */
  readonly exitCode = 1
}

/**
 * Why attempts are not accepted: too many are waiting, the disk or database fails, or the store was closed. `unanswered`: the database gave no
 * answer, and may have stored them.
 */
export type UnavailableReason = 'overloaded' | 'failing' | 'unanswered' | 'closed'

/**
 * The store cannot accept attempts, temporarily or permanently. Nothing was counted, unless the reason is `unanswered`. It is safe to send the
 * same attempts again. Attempts that may be stored need an `attempt_id` for that.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly reason: UnavailableReason
  /** When to retry, in seconds from now. */
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
