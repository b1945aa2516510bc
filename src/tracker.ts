/** The tracker: keep, then count, then answer the documented questions. It works in a coordinator's own process, or behind HTTP. */

import { countsOfAllSteps } from './core/aggregate/group-totals.ts'
import { type AgentMetrics, agentMetrics, namedRecord, uniqueKeyPrinter } from './core/aggregate/metrics.ts'
import type { SeriesPoint } from './core/aggregate/series.ts'
import { type AgentAttempt, type AttemptProblem, keyId, type NewAttempt } from './core/attempt/attempt.ts'
import { type Instant, isCanonical, MAX_AHEAD_MS, parseTimestamp, printTimestamp } from './core/attempt/timestamp.ts'
import { attemptProblems, isAttempt } from './core/attempt/validation.ts'
import {
  type Appended,
  type AppendedPoints,
  type ArmSummary,
  type AttemptPage,
  type AttemptQuery,
  type Clock,
  type Coverage,
  ExperimentNotTold,
  type KeyFilter,
  type KeySummary,
  type ParsedBatch,
  type PreparedBatch,
  RangeNotHeld,
  type StopSignal,
  type Store,
  type StoreHealth,
  type TimeRange,
} from './core/ports.ts'
import { type BestAgent, type BestAgentOptions, bestAgentSteps, isQualified } from './core/reports/best-agent.ts'
import { type CalibrationReport, calibrationSteps } from './core/reports/calibration-report.ts'
import { type CostReport, costSteps } from './core/reports/cost-report.ts'
import {
  type ExperimentOptions,
  type ExperimentReport,
  experimentSteps,
  overflowMessage,
} from './core/reports/experiment-report.ts'
import { type FairGrouping, fairSteps } from './core/reports/fair-report.ts'
import { defaultGrouping, type Grouping, overallRateSteps, successRateSteps } from './core/reports/grouped-rates.ts'
import { countsOf } from './core/reports/groups.ts'
import { type ModelPerformance, modelComparisonSteps } from './core/reports/model-comparison.ts'
import { parseRange, type RangeQuestion } from './core/reports/range.ts'
import { type PerformanceReport, performanceReportSteps } from './core/reports/report.ts'
import {
  discountWindows,
  type RouteEvidence,
  type RoutingOptions,
  type RoutingReport,
  routingSteps,
} from './core/reports/routing.ts'
import { intervalSteps, type TrendReport, trendSteps } from './core/reports/trends.ts'
import type { Counts } from './core/statistics/counts.ts'
import type { FairComparison } from './core/statistics/fair-comparison.ts'
import { forEachKey, type Steps } from './core/steps.ts'
import { runYielding } from './lib/event-loop.ts'
import { openStore } from './store/open.ts'

export type { AgentMetrics } from './core/aggregate/metrics.ts'
export type { AgentAttempt, AttemptProblem, NewAttempt } from './core/attempt/attempt.ts'
export type { AttemptPage, AttemptQuery, KeyFilter, KeySummary, Store, StoreHealth, TimeRange } from './core/ports.ts'
export { ExperimentNotTold, RangeNotHeld, StoreUnavailable } from './core/ports.ts'
export type { BestAgent, BestAgentOptions, Ranking } from './core/reports/best-agent.ts'
export type { Grouping } from './core/reports/grouped-rates.ts'
export type { ModelPerformance } from './core/reports/model-comparison.ts'
export type { RangeQuestion } from './core/reports/range.ts'
export type { PerformanceReport } from './core/reports/report.ts'

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

/** What every question takes: a filter, a range, and a signal that stops the work. The promise then rejects with the signal's reason. */
export type Question = KeyFilter & RangeQuestion & Stoppable

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
    const batch = this.#settle(attempts, parsed)
    const settled = attempts as AgentAttempt[]
    const kept = this.#opened?.append(settled, batch) ?? this.#store.then(store => store.append(settled, batch))
    this.#last = kept
    return kept
  }

  /** Keeps what is new in points of metrics that were checked already. Rejects with `StoreUnavailable` when it may not be kept. */
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints> {
    const kept = this.#store.then(store => store.appendPoints(points))
    this.#last = kept
    return kept
  }

  /** Settles, in the lists themselves, what the callers left open: when it was, and what it cost. */
  #settle(attempts: NewAttempt[], { instants, rawJson }: ParsedBatch): PreparedBatch {
    const receipt: Instant = { ms: this.#clock(), local: false }
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i]!
      const at = this.#instantOf(attempt, instants[i], receipt)
      const settled = this.#settled(attempt, at, receipt)
      instants[i] = at
      if (settled === attempt) continue
      attempts[i] = settled
      if (rawJson !== undefined) rawJson.sources[i] = undefined
    }
    return { instants: instants as Instant[], rawJson }
  }

  #instantOf({ timestamp }: NewAttempt, known: Instant | undefined, receipt: Instant): Instant {
    const at = known ?? (timestamp === undefined ? undefined : parseTimestamp(timestamp))
    if (at === undefined) return receipt
    if (at.ms <= receipt.ms + MAX_AHEAD_MS) return at
    this.#skewed++
    return receipt
  }

  /** The attempt as it is kept: the very same where nothing was left open. */
  #settled(attempt: NewAttempt, at: Instant, receipt: Instant): AgentAttempt {
    const stated = at === receipt ? undefined : attempt.timestamp
    const timestamp = stated !== undefined && isCanonical(stated) ? stated : printTimestamp(at)
    const cost = attempt.cost_usd === undefined ? this.#price?.(attempt) : undefined
    if (cost !== undefined) return { ...attempt, timestamp, computed_cost_usd: cost }
    return attempt.timestamp === timestamp ? (attempt as AgentAttempt) : { ...attempt, timestamp }
  }

  /**
   * Success rate in percent of one key when all three names are given (0 for an unknown one), else rates by group, as documented:
   * agent only by issue type; issue type only by agent; agent and issue type by model; none by key.
   */
  async getSuccessRate(question: Question = {}, groupBy?: Grouping): Promise<number | Record<string, number>> {
    const summaries = await this.#summaries(question)
    const grouping = groupBy ?? defaultGrouping(question)
    if (grouping !== undefined) return runYielding(successRateSteps(summaries, grouping), question.signal)
    return (await runYielding(overallRateSteps(summaries), question.signal)).success_rate
  }

  /** The best agent for an issue type, or undefined where none has `minAttempts` (5). */
  async getBestAgentForIssueType(
    issueType: string,
    options: BestAgentOptions & RangeQuestion & Stoppable = {},
  ): Promise<BestAgent | undefined> {
    const summaries = await this.#summaries({ ...options, issue_type: issueType })
    return runYielding(bestAgentSteps(summaries, options), options.signal)
  }

  /** Models compared over the keys with `minAttempts` (5) each, for one issue type or all. */
  async getModelComparison(
    question: Question & { readonly minAttempts?: number } = {},
  ): Promise<Record<string, ModelPerformance>> {
    return runYielding(modelComparisonSteps(await this.#summaries(question), question), question.signal)
  }

  async generatePerformanceReport(question: Question = {}): Promise<PerformanceReport> {
    const summaries = await this.#summaries(question)
    return runYielding(performanceReportSteps(summaries, this.now()), question.signal)
  }

  /** How the rate moved over a range, by intervals of at least `intervalMs`, and what has drifted from its baseline. */
  async getTrends(question: Question & { readonly intervalMs?: number | undefined } = {}): Promise<TrendReport> {
    const filter = filterOf(question)
    const range = this.#range(question)
    const [life, all] = await Promise.all([this.summaries(undefined, filter), this.summaries()])
    const { signal } = question
    const store = await this.#store
    if (question.since !== undefined) refuseUnheld(range!, store)
    const coverageAt = (sinceMs: number): Coverage => store.coverage(sinceMs)
    const steps = intervalSteps(range, life, this.nowMs, question.intervalMs, coverageAt)
    const intervals = await runYielding(steps, signal)
    const counts: Counts[] = []
    for (const interval of intervals) {
      const summaries = await this.summaries(interval, filter, signal)
      counts.push(await runYielding(countsOfAllSteps(summaries), signal))
    }
    return runYielding(trendSteps(intervals, counts, life, all), signal)
  }

  /** Whether stated confidence can be believed, over all and by group. */
  async getCalibration(
    question: Question & { readonly groupBy?: Grouping | undefined } = {},
  ): Promise<CalibrationReport> {
    const summaries = await this.#summaries(question)
    return runYielding(calibrationSteps(summaries, question.groupBy ?? 'agent_name'), question.signal)
  }

  /** Costs per attempt and per success, by agent, model and issue type. */
  async getCosts(question: Question = {}): Promise<CostReport> {
    return runYielding(costSteps(await this.#summaries(question)), question.signal)
  }

  /**
   * What an A/B test says so far; undefined where there is no such experiment, or no such baseline in it. Rejects with
   * {@link ExperimentNotTold} where its attempts may have been recorded, and are not told apart because the limit of arms was reached.
   */
  async getExperiment(
    name: string,
    options: ExperimentOptions & RangeQuestion & Stoppable = {},
  ): Promise<ExperimentReport | undefined> {
    const range = this.#range(options)
    const arms = await this.arms(name, range, options.signal)
    const overflowed = await (await this.#store).overflowedArms(name, range)
    const steps = experimentSteps(name, arms, { ...options, overflowed: overflowed.own })
    const report = await runYielding(steps, options.signal)
    if (report !== undefined) return report
    const reason = overflowMessage(name, overflowed)
    if (reason !== undefined) throw new ExperimentNotTold(reason)
    return undefined
  }

  /** Agents, models, or both together, compared at the same mix of issue types. */
  async getFairComparison(by: FairGrouping, question: Question = {}): Promise<FairComparison> {
    return runYielding(fairSteps(await this.#summaries(question), by), question.signal)
  }

  /**
   * To whom the next issue should go. With `halfLifeMs` older attempts count for less; with a `seed` the order is drawn, so that
   * agents of which little is known get their chance.
   */
  async getRoute(
    issueType: string,
    options: RoutingOptions &
      Question & { readonly minAttempts?: number | undefined; readonly halfLifeMs?: number | undefined } = {},
  ): Promise<RoutingReport> {
    const question = { ...options, issue_type: issueType }
    const { halfLifeMs, minAttempts = 1, signal } = options
    const evidence = await runYielding(evidenceSteps(await this.#summaries(question), minAttempts), signal)
    if (halfLifeMs !== undefined) await this.#discount(evidence, question, halfLifeMs)
    return runYielding(routingSteps(issueType, [...evidence.values()], options), signal)
  }

  /** Puts what still counts of the attempts in place of all of them. */
  async #discount(evidence: Evidence, question: Question, halfLifeMs: number): Promise<void> {
    const discounted = new Map<string, Counts>()
    function* add(summaries: readonly KeySummary[], weight: number): Steps<void> {
      yield* forEachKey(summaries, ({ key, summary }) => {
        const id = keyId(key)
        const { successes, attempts } = countsOf(summary)
        const before = discounted.get(id) ?? { successes: 0, attempts: 0 }
        discounted.set(id, {
          successes: before.successes + weight * successes,
          attempts: before.attempts + weight * attempts,
        })
      })
    }
    const store = await this.#store
    for (const { range, weight } of discountWindows(this.nowMs, halfLifeMs, sinceMs => store.coverage(sinceMs))) {
      const summaries = await this.summaries(range, filterOf(question), question.signal)
      await runYielding(add(summaries, weight), question.signal)
    }
    for (const [id, { one }] of evidence) {
      evidence.set(id, { one, ...(discounted.get(id) ?? { successes: 0, attempts: 0 }) })
    }
  }

  /** Forgets every attempt, on disk too. */
  async resetMetrics(): Promise<void> {
    await (await this.#store).reset()
  }

  /** How many distinct keys there are. */
  async getMetricCount(): Promise<number> {
    return (await this.summaries()).length
  }

  /** The documented record of every key, by its printed name. */
  async getRawMetrics(): Promise<Record<string, AgentMetrics>> {
    const printed = uniqueKeyPrinter()
    const metrics = namedRecord<AgentMetrics>([])
    function add(one: KeySummary): void {
      metrics[printed(one.key)] = agentMetrics(one)
    }
    await runYielding(forEachKey(await this.summaries(), add, 1))
    return metrics
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

  /** What the questions are made of. */
  async summaries(range?: TimeRange, filter?: KeyFilter, signal?: StopSignal): Promise<readonly KeySummary[]> {
    return (await this.#store).summaries(range, filter, signal)
  }

  async arms(experiment: string, range?: TimeRange, signal?: StopSignal): Promise<readonly ArmSummary[]> {
    return (await this.#store).arms(experiment, range, signal)
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

  /** The time by the tracker's clock: milliseconds since the epoch, and as RFC 3339. */
  get nowMs(): number {
    return this.#clock()
  }

  now(): string {
    return printTimestamp({ ms: this.#clock(), local: false })
  }

  /** Rejects with a RangeError that names the field when a range cannot be read. */
  async #summaries(question: Question): Promise<readonly KeySummary[]> {
    return this.summaries(this.#range(question), filterOf(question), question.signal)
  }

  #range({ since, until }: RangeQuestion): TimeRange | undefined {
    const range = parseRange({ since, until }, this.#clock())
    if (range !== undefined && 'detail' in range) throw new RangeError(`${range.parameter} ${range.detail}`)
    return range
  }
}

function refuseUnheld({ sinceMs }: TimeRange, store: Store): void {
  const { earliestMs } = store.coverage(sinceMs)
  if (sinceMs < earliestMs) throw new RangeNotHeld(earliestMs)
}

/** The keys that may be routed to, by their ids. */
type Evidence = Map<string, RouteEvidence>

function* evidenceSteps(summaries: readonly KeySummary[], minAttempts: number): Steps<Evidence> {
  const evidence: Evidence = new Map()
  function add(one: KeySummary): void {
    if (isQualified(one, minAttempts)) evidence.set(keyId(one.key), { one, ...countsOf(one.summary) })
  }
  yield* forEachKey(summaries, add)
  return evidence
}

function isTimestamp(text: string): boolean {
  return parseTimestamp(text) !== undefined
}

function filterOf({ agent_name, model_name, issue_type }: KeyFilter): KeyFilter {
  return { agent_name, model_name, issue_type }
}
