/** The tracker: keep, then count, then answer the documented questions. It works in a coordinator's own process, or behind HTTP. */

import type { AgentMetrics } from './core/aggregate/metrics.ts'
import type { SeriesPoint } from './core/aggregate/series.ts'
import {
  type AgentAttempt,
  type AttemptProblem,
  attemptProblems,
  isAttempt,
  type NewAttempt,
} from './core/attempt/attempt.ts'
import { applyDefaults } from './core/attempt/defaults.ts'
import { parseTimestamp } from './core/attempt/timestamp.ts'
import type {
  Appended,
  AppendedPoints,
  AttemptPage,
  AttemptQuery,
  Clock,
  ParsedBatch,
  StopSignal,
  Store,
  StoreHealth,
} from './core/ports.ts'
import type { BestAgentOptions, DecidedBestAgent } from './core/reports/best-agent.ts'
import type { CalibrationReport } from './core/reports/calibration-report.ts'
import type { CostReport } from './core/reports/cost-report.ts'
import type { ExperimentOptions, ExperimentReport } from './core/reports/experiment-report.ts'
import type { FairGrouping } from './core/reports/fair-report.ts'
import type { RangeQuestion } from './core/reports/range.ts'
import type { Grouping, ModelPerformance, PerformanceReport } from './core/reports/report.ts'
import type { RoutingOptions, RoutingReport } from './core/reports/routing.ts'
import { type Selection, selectionOf } from './core/reports/selection.ts'
import type { TrendReport } from './core/reports/trends.ts'
import type { FairComparison } from './core/statistics/fair-comparison.ts'
import type { Facts } from './questions/question.ts'
import { type Answer, answerQuestion, type Input, type QuestionPath } from './questions/questions.ts'
import { openStore } from './store/open.ts'

export type { AgentMetrics } from './core/aggregate/metrics.ts'
export type { AgentAttempt, AttemptProblem, NewAttempt } from './core/attempt/attempt.ts'
export type { AttemptPage, AttemptQuery, KeyFilter, KeySummary, Store, StoreHealth, TimeRange } from './core/ports.ts'
export { ExperimentNotTold, RangeNotHeld, StoreUnavailable } from './core/ports.ts'
export type { BestAgent, BestAgentOptions, DecidedBestAgent, Ranking } from './core/reports/best-agent.ts'
export type { RangeQuestion } from './core/reports/range.ts'
export type { Grouping, ModelPerformance, PerformanceReport } from './core/reports/report.ts'
export { InvalidParameters } from './questions/question.ts'
export type { Answer, Input, QuestionPath } from './questions/questions.ts'

/** The documented default place. */
export const DEFAULT_STORE = '/tmp/agent_performance.json'

export interface TrackerOptions {
  /** A path of the documented JSON file, or an open store. The documented default is `/tmp/agent_performance.json`. */
  readonly store?: string | Store
  /** Milliseconds since the epoch. */
  readonly clock?: Clock
  /** Where failures are told, at debug, as documented. */
  readonly log?: { debug(fields: object, message: string): void }
  /** The computed cost in US dollars of an attempt that reported none; undefined where it has no price. Must not throw. */
  readonly price?: (attempt: NewAttempt) => number | undefined
}

/** What happened to one attempt. */
export type Recorded =
  | { readonly status: 'accepted' | 'duplicate' }
  | { readonly status: 'rejected'; readonly problems: readonly AttemptProblem[] }
  | { readonly status: 'failed'; readonly error: Error }

/** What happened to many. With `error` none of those that are not rejected was kept, and the same attempts may be sent again. */
export interface RecordedAttempts extends Appended {
  readonly rejected: readonly { readonly index: number; readonly errors: readonly AttemptProblem[] }[]
  readonly error?: Error
}

/** What the documented questions take: names, a range, and a signal that stops the work. */
export interface SelectionOptions extends Selection, Stoppable {}

interface Stoppable {
  readonly signal?: StopSignal | undefined
}

/** Keeps every attempt and answers how well agents and models do. Questions reject only when the store could not be opened, or was closed. */
export class AgentPerformanceTracker {
  readonly #store: Promise<Store>
  /** The same as soon as it is open: one turn less for each attempt. */
  #opened: Store | undefined
  readonly #clock: Clock
  readonly #log: TrackerOptions['log']
  readonly #price: TrackerOptions['price']
  #skewed = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: TrackerOptions | string = {}) {
    const { store = DEFAULT_STORE, clock, log, price } = typeof options === 'string' ? { store: options } : options
    this.#clock = clock ?? Date.now
    this.#log = log
    this.#price = price
    this.#store =
      typeof store === 'string' ? openStore(store, clock === undefined ? {} : { clock }) : Promise.resolve(store)
    this.#store.then(
      opened => {
        this.#opened = opened
      },
      // Whoever calls next is told; until then nobody has failed.
      () => undefined,
    )
  }

  /** Keeps one attempt. Never throws and never rejects: it resolves with what happened, when that is certain. */
  async recordAttempt(attempt: NewAttempt): Promise<Recorded> {
    const { accepted, rejected, error } = await this.recordAttempts([attempt])
    if (error !== undefined) return { status: 'failed', error }
    if (rejected[0] !== undefined) return { status: 'rejected', problems: rejected[0].errors }
    return { status: accepted === 1 ? 'accepted' : 'duplicate' }
  }

  /** Keeps many; good ones are kept whatever is wrong with the others. Never throws and never rejects. */
  async recordAttempts(attempts: readonly NewAttempt[]): Promise<RecordedAttempts> {
    try {
      const rejected: { index: number; errors: AttemptProblem[] }[] = []
      const good: NewAttempt[] = []
      for (const [index, attempt] of attempts.entries()) {
        // A copy: the caller may go on with its own while this one waits to be kept.
        if (isAttempt(attempt, isTimestamp)) good.push({ ...attempt })
        else rejected.push({ index, errors: attemptProblems(attempt, isTimestamp) })
      }
      if (rejected.length > 0) this.#log?.debug({ rejected }, 'attempts rejected')
      try {
        const kept = good.length === 0 ? { accepted: 0, duplicates: 0 } : await this.keep(good)
        return { ...kept, rejected }
      } catch (error) {
        return this.#failed(error, rejected)
      }
    } catch (error) {
      return this.#failed(error, [])
    }
  }

  #failed(cause: unknown, rejected: RecordedAttempts['rejected']): RecordedAttempts {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    this.#log?.debug({ err: error }, 'attempts could not be kept')
    return { accepted: 0, duplicates: 0, rejected, error }
  }

  /** Keeps attempts that were checked already, and takes over the lists. Rejects with `StoreUnavailable` when none was kept. */
  keep(attempts: NewAttempt[], parsed: ParsedBatch = { instants: [] }): Promise<Appended> {
    const { batch, skewed } = applyDefaults(attempts, parsed, { nowMs: this.#clock(), price: this.#price })
    this.#skewed += skewed
    const complete = attempts as AgentAttempt[]
    const kept = this.#opened?.append(complete, batch) ?? this.#store.then(store => store.append(complete, batch))
    this.#last = kept
    return kept
  }

  /** Keeps what is new in points of metrics that were checked already. Rejects with `StoreUnavailable` when it may not be kept. */
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints> {
    const kept = this.#store.then(store => store.appendPoints(points))
    this.#last = kept
    return kept
  }

  /**
   * Answers a question: `path` is that of HTTP below `/api/v1/`, and parameters and answer are the same as there. Resolves with undefined
   * where HTTP says 404. Rejects with a RangeError that names each bad parameter, with `StoreUnavailable`, or with the signal's reason.
   */
  async ask<Path extends QuestionPath>(
    path: Path,
    parameters: Input<Path>,
    signal?: StopSignal,
  ): Promise<Answer<Path>> {
    return answerQuestion(await this.#store, path, parameters, this.#clock(), signal)
  }

  /**
   * Success rate in percent of one key when all three names are given (0 for an unknown one), else rates by group, as documented:
   * agent only by issue type; issue type only by agent; agent and issue type by model; none by key.
   */
  async getSuccessRate(options: SelectionOptions = {}, groupBy?: Grouping): Promise<number | Record<string, number>> {
    const answer = await this.ask('success-rate', { ...selectionOf(options), group_by: groupBy }, options.signal)
    return 'success_rates' in answer ? answer.success_rates : answer.success_rate
  }

  /** The best agent for an issue type, and whether that is decided; undefined where none has `minAttempts` (5). */
  async getBestAgentForIssueType(
    issueType: string,
    options: BestAgentOptions & RangeQuestion & Stoppable = {},
  ): Promise<DecidedBestAgent | undefined> {
    const parameters = {
      ...selectionOf(options),
      issue_type: issueType,
      min_attempts: atLeastOne(options.minAttempts),
      rank_by: options.rankBy,
    }
    return this.ask('best-agent', parameters, options.signal)
  }

  /** Models compared over the keys with `minAttempts` (5) each, for one issue type or all. */
  async getModelComparison(
    options: SelectionOptions & { readonly minAttempts?: number } = {},
  ): Promise<Record<string, ModelPerformance>> {
    const parameters = { ...selectionOf(options), min_attempts: atLeastOne(options.minAttempts) }
    return this.ask('model-comparison', parameters, options.signal)
  }

  async generatePerformanceReport(options: SelectionOptions = {}): Promise<PerformanceReport> {
    return this.ask('report', selectionOf(options), options.signal)
  }

  /** How the rate moved over a range, by intervals of at least `intervalMs`, and what has drifted from its baseline. */
  async getTrends(options: SelectionOptions & { readonly intervalMs?: number | undefined } = {}): Promise<TrendReport> {
    return this.ask('trends', { ...selectionOf(options), interval: lengthOf(options.intervalMs) }, options.signal)
  }

  /** Whether stated confidence can be believed, over all and by group. */
  async getCalibration(
    options: SelectionOptions & { readonly groupBy?: Grouping | undefined } = {},
  ): Promise<CalibrationReport> {
    return this.ask('calibration', { ...selectionOf(options), group_by: options.groupBy }, options.signal)
  }

  /** Costs per attempt and per success, by agent, model and issue type. */
  async getCosts(options: SelectionOptions = {}): Promise<CostReport> {
    return this.ask('costs', selectionOf(options), options.signal)
  }

  /**
   * What an A/B test says so far; undefined where there is no such experiment, or no such baseline in it. Rejects with
   * `ExperimentNotTold` where its attempts may have been recorded, but not by variant, because the limit of arms was reached.
   */
  async getExperiment(
    name: string,
    { since, until, baseline, adaptive, signal }: ExperimentOptions & RangeQuestion & Stoppable = {},
  ): Promise<ExperimentReport | undefined> {
    return this.ask('experiments/{name}', { name, since, until, baseline, adaptive }, signal)
  }

  /** Agents, models, or both together, compared at the same mix of issue types. */
  async getFairComparison(by: FairGrouping, options: SelectionOptions = {}): Promise<FairComparison> {
    return this.ask('fair-comparison', { ...selectionOf(options), by }, options.signal)
  }

  /**
   * To whom the next issue should go. With `halfLifeMs` older attempts count for less; with a `seed` the order is drawn, so that
   * agents of which little is known get their chance.
   */
  async getRoute(
    issueType: string,
    options: RoutingOptions &
      SelectionOptions & { readonly minAttempts?: number | undefined; readonly halfLifeMs?: number | undefined } = {},
  ): Promise<RoutingReport> {
    const { seed, max_cost_usd, min_success_rate } = options
    const parameters = {
      ...selectionOf(options),
      issue_type: issueType,
      min_attempts: atLeastOne(options.minAttempts),
      explore: seed !== undefined,
      half_life: lengthOf(options.halfLifeMs),
    }
    return this.ask('route', { ...parameters, seed, max_cost_usd, min_success_rate }, options.signal)
  }

  /** Forgets every attempt, on disk too. */
  async resetMetrics(): Promise<void> {
    await (await this.#store).reset()
  }

  /** How many distinct keys there are. */
  async getMetricCount(): Promise<number> {
    return (await (await this.#store).summaries()).length
  }

  /** The documented record of every key, by its printed name. */
  async getRawMetrics(): Promise<Record<string, AgentMetrics>> {
    // With its recent results, which are in the answer unless the parameters say otherwise.
    return (await this.ask('metrics', {})).metrics as Record<string, AgentMetrics>
  }

  /** Resolves when all attempts recorded so far are kept, or known not to be. */
  async flush(): Promise<void> {
    await this.#last.catch(() => undefined)
  }

  /** Keeps what is under way, writes the documented file, and lets go of it. */
  async close(): Promise<void> {
    await this.flush()
    await (await this.#store.catch(() => undefined))?.close()
  }

  /** What questions are answered from. */
  async facts(): Promise<Facts> {
    return this.#store
  }

  /** Kept attempts, newest first. */
  async attempts(query: AttemptQuery): Promise<AttemptPage> {
    return (await this.#store).attempts(query)
  }

  async health(): Promise<StoreHealth> {
    return (await this.#store).health()
  }

  /** Attempts whose timestamp was too far ahead of our clock. */
  get skewed(): number {
    return this.#skewed
  }

  /** The time by the tracker's clock, in milliseconds since the epoch. */
  get nowMs(): number {
    return this.#clock()
  }
}

/** A length of time as the parameters of questions spell it. */
function lengthOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${(ms / 1000).toFixed(3)}s`
}

/** The documented questions take 0 to mean any key that has attempts. */
function atLeastOne(minAttempts: number | undefined): number | undefined {
  return minAttempts === undefined ? undefined : Math.max(1, minAttempts)
}

function isTimestamp(text: string): boolean {
  return parseTimestamp(text) !== undefined
}
