/**
 * A store and the questions as a class, for use in a coordinator's process or behind HTTP. Longer than 250 lines because every documented
 * question has a method, which only names the parameters.
 */

import type { ExperimentPlan } from './core/aggregate/experiment-plan.ts'
import type { AgentMetrics } from './core/aggregate/metrics.ts'
import type { SeriesPoint } from './core/aggregate/series.ts'
import type { AlertSettings, EvaluatedAlerts } from './core/alerts/alert.ts'
import type { NewAttempt } from './core/attempt/attempt.ts'
import { aliasesOf, type ModelAliases, NO_ALIASES } from './core/attempt/model-aliases.ts'
import type { Outcome } from './core/fold.ts'
import type {
  Appended,
  AppendedOutcomes,
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
import type { Grouping } from './core/reports/grouped-rates.ts'
import type { HonestyReport } from './core/reports/honesty.ts'
import type { ModelPerformance } from './core/reports/model-comparison.ts'
import type { WithOutcomes } from './core/reports/outcome-totals.ts'
import { type Ranged, type RangeQuestion, withoutRange } from './core/reports/range.ts'
import type { PerformanceReport } from './core/reports/report.ts'
import type { RoutingOptions, RoutingReport } from './core/reports/routing.ts'
import { type Selection, selectionOf } from './core/reports/selection.ts'
import type { TrendReport } from './core/reports/trends.ts'
import type { FairComparison } from './core/statistics/fair-comparison.ts'
import { acceptSpellings } from './questions/accept-spellings.ts'
import type { Facts } from './questions/question.ts'
import { type Answer, answerQuestion, type Input, type QuestionPath } from './questions/questions.ts'
import { plainSuccessRates } from './questions/success-rate.ts'
import { openStore } from './store/open.ts'
import {
  createRecorder,
  type Recorded,
  type RecordedAttempts,
  type RecordedOutcomes,
  type Recorder,
} from './store/recorder.ts'

export type { ExperimentPlan } from './core/aggregate/experiment-plan.ts'
export type { AgentMetrics } from './core/aggregate/metrics.ts'
export type { AgentAttempt, AttemptProblem, NewAttempt } from './core/attempt/attempt.ts'
export type { ModelAliases } from './core/attempt/model-aliases.ts'
export type { Outcome } from './core/fold.ts'
export type {
  AppendedOutcomes,
  AttemptPage,
  AttemptQuery,
  KeyFilter,
  KeySummary,
  Store,
  StoreHealth,
  TimeRange,
} from './core/ports.ts'
export { ExperimentNotTold, RangeNotHeld, StoreUnavailable } from './core/ports.ts'
export type { BestAgent, BestAgentOptions, DecidedBestAgent, Ranking } from './core/reports/best-agent.ts'
export type { Grouping } from './core/reports/grouped-rates.ts'
export type { ModelPerformance } from './core/reports/model-comparison.ts'
export type { AnsweredRange, Ranged, RangeQuestion } from './core/reports/range.ts'
export type { PerformanceReport } from './core/reports/report.ts'
export { InvalidParameters } from './questions/question.ts'
export type { Answer, Input, QuestionPath } from './questions/questions.ts'
export type { Recorded, RecordedAttempts, RecordedOutcomes } from './store/recorder.ts'

/** The documented default path. */
export const DEFAULT_STORE = '/tmp/agent_performance.json'

export interface TrackerOptions {
  /** A path of the documented JSON file, or an open store. The documented default is `/tmp/agent_performance.json`. */
  readonly store?: string | Store
  /** Milliseconds since the epoch. */
  readonly clock?: Clock
  /** Receives failures at level debug, as documented. */
  readonly log?: { debug(fields: object, message: string): void }
  /** The computed cost in US dollars of an attempt that reported none. Undefined if its model has no price. Must not throw. */
  readonly price?: (attempt: NewAttempt) => number | undefined
  /**
   * The spellings of models by name: `{ 'claude-x': ['claude-x[1m]', 'anthropic/claude-x'] }`. Attempts of a spelling are recorded and priced
   * under the name, and questions accept both. Or a function that answers the aliases in force, which may change.
   */
  readonly modelAliases?: Readonly<Record<string, readonly string[]>> | (() => ModelAliases)
  /** The settings in force of the question `alerts`. By default those without configuration. */
  readonly alertSettings?: (() => AlertSettings) | undefined
  /** The last evaluation of a process that evaluates these settings in intervals. By default each question evaluates them. */
  readonly evaluatedAlerts?: (() => EvaluatedAlerts | undefined) | undefined
}

/** Common parameters of the documented questions: names, a time range, and a signal that cancels the computation. */
export interface SelectionOptions extends Selection, Stoppable {}

interface Stoppable {
  readonly signal?: StopSignal | undefined
}

/** Records every attempt and answers questions about agents and models. Questions reject only if the store failed to open or was closed. */
export class AgentPerformanceTracker {
  readonly #store: Promise<Store>
  readonly #facts: Promise<Facts>
  readonly #recorder: Recorder
  readonly #clock: Clock

  /** Throws a RangeError that names each fault of `modelAliases`. */
  constructor(options: TrackerOptions | string = {}) {
    const given = typeof options === 'string' ? { store: options } : options
    const { store = DEFAULT_STORE, clock, log, price, alertSettings, evaluatedAlerts } = given
    const modelAliases = aliasesIn(given)
    this.#clock = clock ?? Date.now
    this.#store =
      typeof store === 'string' ? openStore(store, clock === undefined ? {} : { clock }) : Promise.resolve(store)
    this.#facts = this.#store.then(open => ({
      ...acceptSpellings(open, modelAliases),
      alertSettings,
      evaluatedAlerts,
    }))
    // Each question rejects with the reason.
    this.#facts.catch(() => undefined)
    this.#recorder = createRecorder(this.#store, { clock: this.#clock, log, price, modelAliases })
  }

  /** Records one attempt. Never throws or rejects. Resolves with the result when the attempt is durable or refused. */
  async recordAttempt(attempt: NewAttempt): Promise<Recorded> {
    const { accepted, rejected, error } = await this.recordAttempts([attempt])
    if (error !== undefined) return { status: 'failed', error }
    if (rejected[0] !== undefined) return { status: 'rejected', problems: rejected[0].errors }
    return { status: accepted === 1 ? 'accepted' : 'duplicate' }
  }

  /** Records several attempts: the valid ones, even if others are invalid. Never throws or rejects. */
  recordAttempts(attempts: readonly NewAttempt[]): Promise<RecordedAttempts> {
    return this.#recorder.record(attempts)
  }

  /** Records valid attempts. Takes ownership of the lists. Rejects with `StoreUnavailable` if none was recorded, or with its reason `unanswered` if they may be. */
  keep(attempts: NewAttempt[], parsed: ParsedBatch = { instants: [] }): Promise<Appended> {
    return this.#recorder.keep(attempts, parsed)
  }

  /** Records results of recorded attempts, such as those of CI or a reviewer. Never throws or rejects. */
  recordOutcomes(outcomes: readonly Outcome[]): Promise<RecordedOutcomes> {
    return this.#recorder.recordOutcomes(outcomes)
  }

  /** Records valid outcomes. Rejects with `StoreUnavailable` if some may not be recorded: it is safe to send the same ones again. */
  keepOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes> {
    return this.#recorder.keepOutcomes(outcomes)
  }

  /** Records the increments of valid metric points. Rejects with `StoreUnavailable` if they may not be stored. */
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints> {
    return this.#recorder.keepPoints(points)
  }

  /**
   * Answers the question at a `path` of HTTP below `/api/v1/`, with the same parameters and answer. Resolves with undefined if HTTP answers
   * 404. Rejects with a RangeError that names each invalid parameter, with `StoreUnavailable`, or with the signal's reason.
   */
  async ask<Path extends QuestionPath>(
    path: Path,
    parameters: Input<Path>,
    signal?: StopSignal,
  ): Promise<Answer<Path>> {
    return answerQuestion(await this.#facts, path, parameters, this.#clock(), signal)
  }

  /**
   * Success rate in percent of one key when all three names are given (0 for an unknown one), else rates by group, as documented:
   * agent only by issue type; issue type only by agent; agent and issue type by model; none by key.
   */
  async getSuccessRate(options: SelectionOptions = {}, groupBy?: Grouping): Promise<number | Record<string, number>> {
    const parameters = { ...selectionOf(options), group_by: groupBy }
    return plainSuccessRates(await this.#facts, parameters, this.#clock(), options.signal)
  }

  /** The best agent for an issue type, and whether the evidence is decisive. Undefined if no agent has `minAttempts` (5 by default). */
  async getBestAgentForIssueType(
    issueType: string,
    options: BestAgentOptions & RangeQuestion & Stoppable = {},
  ): Promise<(DecidedBestAgent & WithOutcomes & Ranged) | undefined> {
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
    return withoutRange(await this.ask('model-comparison', parameters, options.signal))
  }

  async generatePerformanceReport(options: SelectionOptions = {}): Promise<PerformanceReport & Ranged> {
    return this.ask('report', selectionOf(options), options.signal)
  }

  /** The rate over time, in intervals of at least `intervalMs`, and the keys and agents that drifted from their baseline. */
  async getTrends(
    options: SelectionOptions & { readonly intervalMs?: number | undefined } = {},
  ): Promise<TrendReport & Ranged> {
    return this.ask('trends', { ...selectionOf(options), interval: lengthOf(options.intervalMs) }, options.signal)
  }

  /** The calibration of stated confidence, overall and by group. */
  async getCalibration(
    options: SelectionOptions & { readonly groupBy?: Grouping | undefined } = {},
  ): Promise<CalibrationReport & WithOutcomes & Ranged> {
    return this.ask('calibration', { ...selectionOf(options), group_by: options.groupBy }, options.signal)
  }

  /** Costs per attempt and per success, by agent, model and issue type. */
  async getCosts(options: SelectionOptions = {}): Promise<CostReport & WithOutcomes & Ranged> {
    return this.ask('costs', selectionOf(options), options.signal)
  }

  /** What agents report of their success against what was verified later, and how long that takes. */
  async getHonesty(options: Omit<SelectionOptions, 'outcome'> = {}): Promise<HonestyReport & Ranged> {
    return this.ask('honesty', selectionOf(options), options.signal)
  }

  /**
   * The results of an A/B test so far. Undefined if there is no such experiment, or no such baseline in it. Rejects with
   * `ExperimentNotTold` if its attempts may have been recorded without their variant, because the limit of arms was reached.
   */
  async getExperiment(
    name: string,
    options: ExperimentOptions & SelectionOptions & { readonly shares?: string | undefined } = {},
  ): Promise<(ExperimentReport & WithOutcomes & Ranged) | undefined> {
    const { baseline, adaptive, shares, margin, signal } = options
    return this.ask('experiments/{name}', { name, ...selectionOf(options), baseline, adaptive, shares, margin }, signal)
  }

  /**
   * Stores what is intended with an experiment, durably, in place of the plan before. A plan that states nothing removes it. Resolves with
   * `full` if there are as many plans of other experiments as arms may be stored.
   */
  async putExperimentPlan(name: string, plan: ExperimentPlan): Promise<'stored' | 'full'> {
    return (await this.#store).putExperimentPlan(name, plan)
  }

  /** Agents, models, or both together, compared at the same mix of issue types. */
  async getFairComparison(
    by: FairGrouping,
    options: SelectionOptions = {},
  ): Promise<FairComparison & WithOutcomes & Ranged> {
    return this.ask('fair-comparison', { ...selectionOf(options), by }, options.signal)
  }

  /**
   * A ranked list of agents for the next issue. `halfLifeMs` gives older attempts less weight. With a `seed`, the order is drawn at random,
   * so that agents with few attempts are tried too.
   */
  async getRoute(
    issueType: string,
    options: RoutingOptions &
      SelectionOptions & { readonly minAttempts?: number | undefined; readonly halfLifeMs?: number | undefined } = {},
  ): Promise<RoutingReport & WithOutcomes & Ranged> {
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

  /** Deletes every attempt, on disk too. */
  async resetMetrics(): Promise<void> {
    await (await this.#store).reset()
  }

  /** Number of distinct keys. */
  async getMetricCount(): Promise<number> {
    return (await (await this.#store).summaries()).length
  }

  /** The documented record of every key, by its printed name. */
  async getRawMetrics(): Promise<Record<string, AgentMetrics>> {
    // The answer includes the recent results by default.
    return (await this.ask('metrics', {})).metrics as Record<string, AgentMetrics>
  }

  /** Resolves when every attempt recorded so far is durable or refused. */
  flush(): Promise<void> {
    return this.#recorder.flush()
  }

  /** Completes the pending attempts, writes the documented file, and releases its lock. */
  async close(): Promise<void> {
    await this.flush()
    await (await this.#store.catch(() => undefined))?.close()
  }

  /** The facts that questions read. */
  facts(): Promise<Facts> {
    return this.#facts
  }

  /** A page of recorded attempts, newest first. */
  async attempts(query: AttemptQuery): Promise<AttemptPage> {
    return (await this.#facts).attempts(query)
  }

  async health(): Promise<StoreHealth> {
    return (await this.#store).health()
  }

  /** Attempts whose timestamp was too far ahead of our clock. */
  get skewed(): number {
    return this.#recorder.skewed
  }

  /** The time by the tracker's clock, in milliseconds since the epoch. */
  get nowMs(): number {
    return this.#clock()
  }
}

function aliasesIn({ modelAliases }: TrackerOptions): () => ModelAliases {
  if (typeof modelAliases === 'function') return modelAliases
  if (modelAliases === undefined) return () => NO_ALIASES
  const models = Object.entries(modelAliases).map(([name, spellings]) => ({ name, spellings }))
  const { aliases, faults } = aliasesOf(models)
  if (faults.length === 0) return () => aliases
  const texts = faults.map(({ model, detail }) => `${JSON.stringify(models[model]!.name)}: ${detail}`)
  throw new RangeError(`modelAliases: ${texts.join('; ')}`)
}

/** A duration in the format of the questions' parameters. */
function lengthOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${(ms / 1000).toFixed(3)}s`
}

/** In the documented questions, 0 means any key with attempts. */
function atLeastOne(minAttempts: number | undefined): number | undefined {
  return minAttempts === undefined ? undefined : Math.max(1, minAttempts)
}
