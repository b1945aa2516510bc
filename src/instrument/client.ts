/**
 * A typed client of a sidecar, for a coordinator that selects agents by the answers. Longer than 250 lines because every documented question has a
 * method, which only names the parameters.
 */
import type { AttemptKey, NewAttempt } from '../core/attempt/attempt.ts'
import type { StreamEvent } from '../core/events.ts'
import type { Outcome } from '../core/fold.ts'
import type { AttemptPage } from '../core/ports.ts'
import type { BestAgentOptions, DecidedBestAgent } from '../core/reports/best-agent.ts'
import type { CalibrationReport } from '../core/reports/calibration-report.ts'
import type { CostReport } from '../core/reports/cost-report.ts'
import type { ExperimentOptions, ExperimentReport } from '../core/reports/experiment-report.ts'
import type { FairGrouping } from '../core/reports/fair-report.ts'
import type { GroupedRates, Grouping } from '../core/reports/grouped-rates.ts'
import type { HonestyReport } from '../core/reports/honesty.ts'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import { type Ranged, type RangeQuestion, withoutRange } from '../core/reports/range.ts'
import type { Rate } from '../core/reports/rate.ts'
import type { PerformanceReport } from '../core/reports/report.ts'
import { requestOf } from '../core/reports/request.ts'
import type { RoutingReport } from '../core/reports/routing.ts'
import { type Selection, selectionOf } from '../core/reports/selection.ts'
import type { TrendReport } from '../core/reports/trends.ts'
import type { FairComparison } from '../core/statistics/fair-comparison.ts'
import type { Answer, Input, QuestionPath } from '../questions/questions.ts'
import { askSidecar } from './ask.ts'
import { MAX_TIMEOUT_MS, wholeNumber } from './options.ts'
import { type OutcomeReceipt, type Receipt, readOutcomeReceipt, readReceipt } from './receipt.ts'
import { sidecarAddress, urlOfEnvironment } from './sidecar-address.ts'
import { SidecarError } from './sidecar-error.ts'
import { followStream, type StreamOptions } from './stream.ts'

type Bound = Exclude<keyof RangeQuestion, 'tz'>

/** Parameters whose times may also be a `Date`. */
export type WithDates<Parameters> = {
  readonly [Name in keyof Parameters]: Name extends Bound ? Date | string | undefined : Parameters[Name]
}

/**
 * A time range. Without it an answer covers all attempts. Each bound is a `Date`, an RFC 3339 time, or a duration before now such as `15m`,
 * `24h`, `7d`. The start is inclusive, the end exclusive.
 */
export interface QuestionRange extends WithDates<RangeQuestion> {}

/** Selects keys by name, and a time range. */
export interface QuestionFilter extends WithDates<Selection> {}

/** The best agent, and the evidence for it. */
export type BestAgentAnswer = DecidedBestAgent & WithOutcomes

/** The conditions and the ranking of routes. Durations are text such as `15m`, `24h`, `7d`. */
export interface RouteOptions extends Omit<QuestionFilter, 'issue_type'> {
  /** Keys with fewer attempts are excluded. 1 by default. */
  readonly minAttempts?: number | undefined
  /** Maximum expected cost per success in US dollars. Excludes keys without a known cost. */
  readonly maxCostUsd?: number | undefined
  /** Minimum success rate in percent. */
  readonly minSuccessRate?: number | undefined
  /** Older attempts have less weight: half after every half-life. */
  readonly halfLife?: string | undefined
  /** Draws the order at random, so that agents with few attempts are tried too. Without a `seed`, the sidecar chooses one. */
  readonly explore?: boolean | { readonly seed: string } | undefined
}

/** What an experiment is asked for, beside its name. */
export interface ExperimentQuestion extends ExperimentOptions, QuestionFilter {
  /** The intended share of each variant, of any sum. By default the stored ones, else equal shares. */
  readonly shares?: Readonly<Record<string, number>> | undefined
}

/** What is intended with an experiment. What is absent or null is not stated. */
export interface PlannedExperiment {
  /** The share of each variant, above 0, of any sum. */
  readonly shares?: Readonly<Record<string, number>> | null | undefined
  readonly baseline?: string | null | undefined
  /** Attempts that ended from then on (RFC 3339) do not count in the experiment. */
  readonly end?: string | null | undefined
}

/**
 * Questions to a sidecar. Each rejects only with a {@link SidecarError}, if there is no usable answer within the time-out. Catch it and
 * continue with a default, so that the coordinator works without the sidecar.
 */
export interface SidecarClient {
  /**
   * Asks any question by its path below `/api/v1/`. /openapi.json describes the parameters and the answer. Also rejects on a 404, which means
   * that there is no answer.
   */
  ask<Path extends QuestionPath>(
    path: Path,
    parameters: WithDates<Input<Path>>,
  ): Promise<Exclude<Answer<Path>, undefined>>
  /** The best agent for issues of this type. Undefined if no agent has enough attempts. */
  bestAgent(
    issueType: string,
    options?: BestAgentOptions & QuestionRange,
  ): Promise<(BestAgentAnswer & Ranged) | undefined>
  /** The success rate of one key, in percent. 0 of 0 attempts for an unknown key. */
  successRate(key: AttemptKey & QuestionRange): Promise<Rate & Ranged>
  /** Success rates by the names that the filter does not fix, or by `groupBy`. */
  successRate(filter?: QuestionFilter & { readonly groupBy?: Grouping | undefined }): Promise<GroupedRates & Ranged>
  /** Compares models over the keys with at least `minAttempts` (5 by default). */
  modelComparison(
    options?: QuestionFilter & Pick<BestAgentOptions, 'minAttempts'>,
  ): Promise<Record<string, ModelPerformance>>
  report(filter?: QuestionFilter): Promise<PerformanceReport & Ranged>
  /** A ranked list of agents for the next issue of this type, best first. Empty if no agent meets the conditions. */
  route(issueType: string, options?: RouteOptions): Promise<RoutingReport & WithOutcomes & Ranged>
  /** The rate over time, in intervals of at least `interval` (such as `1h`, `7d`; by default chosen), and the drift of keys and agents. */
  trends(options?: QuestionFilter & { readonly interval?: string | undefined }): Promise<TrendReport & Ranged>
  /** The calibration of stated confidence, by agent or by `groupBy`. */
  calibration(
    options?: QuestionFilter & { readonly groupBy?: Grouping | undefined },
  ): Promise<CalibrationReport & WithOutcomes & Ranged>
  /** Costs per attempt and per success. */
  costs(filter?: QuestionFilter): Promise<CostReport & Ranged>
  /** What agents report of their success against what was verified later, and how long that takes. */
  honesty(filter?: Omit<QuestionFilter, 'outcome'>): Promise<HonestyReport & Ranged>
  /** The results of an A/B test so far. Valid to ask after every attempt. Undefined if there is no such experiment or baseline. */
  experiment(
    name: string,
    options?: ExperimentQuestion,
  ): Promise<(ExperimentReport & WithOutcomes & Ranged) | undefined>
  /**
   * States the intended shares, the baseline and the end of an experiment, in place of what was stated before. Needs a sidecar started with
   * `--admin`, and a token with the scope `admin` where tokens are used.
   */
  putExperiment(name: string, plan: PlannedExperiment): Promise<PlannedExperiment>
  /** Compares agents, models (the default), or both together, at the same mix of issue types. */
  fairComparison(
    options?: QuestionFilter & { readonly by?: FairGrouping | undefined },
  ): Promise<FairComparison & Ranged>
  /** A page of recorded attempts, newest first. `limit` is 100 by default, at most 1,000. `cursor` is the `next_cursor` of the previous page. */
  attempts(
    page?: Omit<QuestionFilter, 'outcome'> & {
      readonly limit?: number | undefined
      readonly cursor?: string | undefined
    },
  ): Promise<AttemptPage & Ranged>
  /**
   * Follows the attempts as they are recorded, and what changes. It connects again by itself. Attempts that were missed are replaced by a
   * `resync` event.
   */
  stream(options?: StreamOptions): AsyncGenerator<StreamEvent>
  /** Records at most 10,000 attempts. Resolves when the accepted ones are durable. Retry only attempts with ids: others would count twice. */
  recordAttempts(attempts: readonly NewAttempt[]): Promise<Receipt>
  /** Records at most 10,000 outcomes of recorded attempts. Resolves when the accepted ones are durable. Safe to retry. */
  recordOutcomes(outcomes: readonly Outcome[]): Promise<OutcomeReceipt>
}

export interface ClientOptions {
  /** The bearer token. By default `AGENT_PERFORMANCE_TOKEN` of the environment. */
  readonly token?: string | undefined
  /** Time limit of a question in milliseconds, from the connection to the last byte of the answer. 5,000 by default. */
  readonly timeoutMs?: number | undefined
}

/**
 * A client of the sidecar at `url`, by default at `AGENT_PERFORMANCE_URL` of the environment, else at `http://127.0.0.1:9464`. Throws a
 * `TypeError` if the URL or an option is invalid.
 */
export function createClient(url: string | URL = urlOfEnvironment(), options: ClientOptions = {}): SidecarClient {
  const address = sidecarAddress(url, options.token)
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? 5_000, MAX_TIMEOUT_MS)
  /** `fields` are members that distinguish the answer of a sidecar from that of another server. */
  const ask = async <Path extends QuestionPath>(
    path: Path,
    parameters: WithDates<Input<Path>>,
    fields: readonly (keyof Exclude<Answer<Path>, undefined>)[] = [],
  ): Promise<Exclude<Answer<Path>, undefined>> => {
    const request = requestOf(`api/v1/${path}`, parameters)
    return await askSidecar(address, timeoutMs, { ...request, fields: fields as readonly string[] })
  }

  return {
    ask: (path, parameters) => ask(path, parameters),
    bestAgent: (issueType, options = {}) => {
      const { minAttempts, rankBy } = options
      const selection = selectionOf({ ...options, issue_type: issueType })
      const parameters = { ...selection, min_attempts: minAttempts, rank_by: rankBy }
      return ask('best-agent', parameters, ['agent_name', 'model_name', 'success_rate']).catch(noAnswer)
    },
    successRate: (filter: QuestionFilter & { readonly groupBy?: Grouping } = {}) =>
      ask('success-rate', { ...selectionOf(filter), group_by: filter.groupBy }) as Promise<Rate & GroupedRates>,
    modelComparison: async (filter = {}) =>
      withoutRange(await ask('model-comparison', { ...selectionOf(filter), min_attempts: filter.minAttempts })),
    report: (filter = {}) => ask('report', selectionOf(filter), ['summary', 'by_agent', 'recommendations']),
    route: (issueType, options = {}) => ask('route', routeParameters(issueType, options), ['ranked', 'excluded']),
    trends: (options = {}) =>
      ask('trends', { ...selectionOf(options), interval: options.interval }, ['points', 'direction']),
    calibration: (options = {}) =>
      ask('calibration', { ...selectionOf(options), group_by: options.groupBy }, ['overall', 'groups']),
    costs: (filter = {}) => ask('costs', selectionOf(filter), ['overall', 'by_agent', 'by_model']),
    honesty: (filter = {}) => ask('honesty', selectionOf(filter), ['overall', 'by_agent', 'by_model']),
    experiment: (name, options = {}) => {
      const { baseline, adaptive, margin } = options
      const shares = options.shares && sharesText(options.shares)
      const parameters = { name, ...selectionOf(options), baseline, adaptive, shares, margin }
      return ask('experiments/{name}', parameters, ['variants', 'comparisons']).catch(noAnswer)
    },
    putExperiment: (name, plan) => {
      const { path, query } = requestOf('api/v1/experiments/{name}', { name })
      return askSidecar(address, timeoutMs, {
        path,
        query,
        method: 'PUT',
        body: plan,
        fields: ['experiment', 'shares'],
      })
    },
    fairComparison: (options = {}) =>
      ask('fair-comparison', { ...selectionOf(options), by: options.by }, ['rates', 'turned_over']),
    attempts: (page = {}) => {
      const { limit, cursor } = page
      return ask('attempts', { ...selectionOf(page), limit, cursor }, ['attempts', 'next_cursor'])
    },
    stream: (options = {}) => followStream(address, options),
    recordAttempts: async attempts => {
      const question = { path: 'api/v1/attempts', query: { partial: 'true' }, fields: ['accepted'], body: attempts }
      const receipt = readReceipt(await askSidecar(address, timeoutMs, question), attempts.length)
      if (receipt !== undefined) return receipt
      throw new SidecarError('the answer does not account for every attempt', { status: 200 })
    },
    recordOutcomes: async outcomes => {
      const question = { path: 'api/v1/outcomes', query: { partial: 'true' }, fields: ['accepted'], body: outcomes }
      const receipt = readOutcomeReceipt(await askSidecar(address, timeoutMs, question), outcomes.length)
      if (receipt !== undefined) return receipt
      throw new SidecarError('the answer does not account for every outcome', { status: 200 })
    },
  }
}

function sharesText(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares)
    .map(([variant, share]) => `${variant}:${share}`)
    .join(',')
}

/** Whether an error is a sidecar's own 404 with problem details, which means "no answer". Another server's 404 means a wrong URL. */
function noAnswer(error: unknown): undefined {
  if (error instanceof SidecarError && error.status === 404 && error.problem !== undefined) return undefined
  throw error
}

function routeParameters(issueType: string, options: RouteOptions): WithDates<Input<'route'>> {
  const { minAttempts, maxCostUsd, minSuccessRate, halfLife, explore } = options
  return {
    ...selectionOf({ ...options, issue_type: issueType }),
    min_attempts: minAttempts,
    max_cost_usd: maxCostUsd,
    min_success_rate: minSuccessRate,
    half_life: halfLife,
    ...(explore && { explore: true, ...(explore !== true && { seed: explore.seed }) }),
  }
}
