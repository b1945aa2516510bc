/** Typed questions to a sidecar, for a coordinator that decides by the answers. */
import type { AttemptKey, NewAttempt } from '../core/attempt/attempt.ts'
import type { AttemptPage } from '../core/ports.ts'
import type { BestAgentOptions, DecidedBestAgent } from '../core/reports/best-agent.ts'
import type { CalibrationReport } from '../core/reports/calibration-report.ts'
import type { CostReport } from '../core/reports/cost-report.ts'
import type { ExperimentOptions, ExperimentReport } from '../core/reports/experiment-report.ts'
import type { FairGrouping } from '../core/reports/fair-report.ts'
import type { GroupedRates, Grouping } from '../core/reports/grouped-rates.ts'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import type { RangeQuestion } from '../core/reports/range.ts'
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
import { type Receipt, readReceipt } from './receipt.ts'
import { sidecarAddress } from './sidecar-address.ts'
import { SidecarError } from './sidecar-error.ts'

/** Parameters whose times may be a `Date` as well. */
export type WithDates<Parameters> = {
  readonly [Name in keyof Parameters]: Name extends keyof RangeQuestion ? Date | string | undefined : Parameters[Name]
}

/**
 * A range of time; without it an answer covers all there ever was. Each end is a `Date`, an RFC 3339 time, or a length back from now such as
 * `15m`, `24h`, `7d`. The start counts; the end does not.
 */
export interface QuestionRange extends WithDates<RangeQuestion> {}

/** Only keys of these names, in this range. */
export interface QuestionFilter extends WithDates<Selection> {}

/** The best agent, and whether it is known to be. */
export type BestAgentAnswer = DecidedBestAgent

/** Who may be sent, and how they are ranked. Lengths of time as people write them: `15m`, `24h`, `7d`. */
export interface RouteOptions extends Omit<QuestionFilter, 'issue_type'> {
  /** Keys with fewer attempts are left out; 1 unless told. */
  readonly minAttempts?: number | undefined
  /** Highest expected cost of a success in US dollars; who has none that is known does not pass. */
  readonly maxCostUsd?: number | undefined
  /** Lowest success rate in percent. */
  readonly minSuccessRate?: number | undefined
  /** Older attempts count for less: half after every half-life. */
  readonly halfLife?: string | undefined
  /** Draw the order, so that those of which little is known get their chance: with a seed of the sidecar's, or with this one. */
  readonly explore?: boolean | { readonly seed: string } | undefined
}

/**
 * Questions to a sidecar. Every one rejects with a {@link SidecarError}, and nothing else, when there is no usable answer within the
 * time-out: catch it and go on with a default, so that a sidecar that is down costs no work.
 */
export interface SidecarClient {
  /**
   * Any question by its path below `/api/v1/`, with the parameters and the answer that /openapi.json describes. A 404, which says that there
   * is no answer, rejects too.
   */
  ask<Path extends QuestionPath>(
    path: Path,
    parameters: WithDates<Input<Path>>,
  ): Promise<Exclude<Answer<Path>, undefined>>
  /** Who does best at issues of this type; undefined where no agent has enough attempts. */
  bestAgent(issueType: string, options?: BestAgentOptions & QuestionRange): Promise<BestAgentAnswer | undefined>
  /** The success rate of one key, in percent; 0 of 0 attempts where it is not known. */
  successRate(key: AttemptKey & QuestionRange): Promise<Rate>
  /** Success rates by what the filter leaves open, or by `groupBy`. */
  successRate(filter?: QuestionFilter & { readonly groupBy?: Grouping | undefined }): Promise<GroupedRates>
  /** Models compared over the keys that have at least `minAttempts` each (5 unless told). */
  modelComparison(
    options?: QuestionFilter & Pick<BestAgentOptions, 'minAttempts'>,
  ): Promise<Record<string, ModelPerformance>>
  report(filter?: QuestionFilter): Promise<PerformanceReport>
  /** To whom the next issue of this type should go, the one to take first. Nobody may fulfil the conditions. */
  route(issueType: string, options?: RouteOptions): Promise<RoutingReport>
  /** How the rate moved, by intervals of at least `interval` (`1h`, `7d`; chosen unless told), and what has drifted. */
  trends(options?: QuestionFilter & { readonly interval?: string | undefined }): Promise<TrendReport>
  /** Whether stated confidence can be believed, by agent or by `groupBy`. */
  calibration(options?: QuestionFilter & { readonly groupBy?: Grouping | undefined }): Promise<CalibrationReport>
  /** What attempts cost, and what a success costs. */
  costs(filter?: QuestionFilter): Promise<CostReport>
  /** What an A/B test says so far; may be asked after every attempt. Undefined where there is none, or no such baseline in it. */
  experiment(name: string, options?: ExperimentOptions & QuestionRange): Promise<ExperimentReport | undefined>
  /** Agents, models (unless told), or both together, compared at the same mix of issue types. */
  fairComparison(options?: QuestionFilter & { readonly by?: FairGrouping | undefined }): Promise<FairComparison>
  /** Kept attempts, newest first: `limit` (100 unless told, at most 1,000) from where the page with this `next_cursor` ended. */
  attempts(
    page?: QuestionFilter & { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  ): Promise<AttemptPage>
  /** Records attempts, at most 10,000, and resolves when those that are accepted are kept for good. Only with ids may they be sent again. */
  recordAttempts(attempts: readonly NewAttempt[]): Promise<Receipt>
}

export interface ClientOptions {
  readonly token?: string | undefined
  /** How long a question may take, from the connection to the last byte of the answer; 5,000 unless told. */
  readonly timeoutMs?: number | undefined
}

/** A client of the sidecar at `url`. Throws a `TypeError` where the URL or an option cannot be meant. */
export function createClient(url: string | URL, options: ClientOptions = {}): SidecarClient {
  const address = sidecarAddress(url, options.token)
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? 5_000, MAX_TIMEOUT_MS)
  /** `fields` are members by which an answer of a sidecar is told from one of another server. */
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
    modelComparison: (filter = {}) =>
      ask('model-comparison', { ...selectionOf(filter), min_attempts: filter.minAttempts }),
    report: (filter = {}) => ask('report', selectionOf(filter), ['summary', 'by_agent', 'recommendations']),
    route: (issueType, options = {}) => ask('route', routeParameters(issueType, options), ['ranked', 'excluded']),
    trends: (options = {}) =>
      ask('trends', { ...selectionOf(options), interval: options.interval }, ['points', 'direction']),
    calibration: (options = {}) =>
      ask('calibration', { ...selectionOf(options), group_by: options.groupBy }, ['overall', 'groups']),
    costs: (filter = {}) => ask('costs', selectionOf(filter), ['overall', 'by_agent', 'by_model']),
    experiment: (name, { since, until, baseline, adaptive } = {}) =>
      ask('experiments/{name}', { name, since, until, baseline, adaptive }, ['variants', 'comparisons']).catch(
        noAnswer,
      ),
    fairComparison: (options = {}) =>
      ask('fair-comparison', { ...selectionOf(options), by: options.by }, ['rates', 'turned_over']),
    attempts: (page = {}) => {
      const { limit, cursor } = page
      return ask('attempts', { ...selectionOf(page), limit, cursor }, ['attempts', 'next_cursor'])
    },
    recordAttempts: async attempts => {
      const question = { path: 'api/v1/attempts', query: { partial: 'true' }, fields: ['accepted'], body: attempts }
      const receipt = readReceipt(await askSidecar(address, timeoutMs, question), attempts.length)
      if (receipt !== undefined) return receipt
      throw new SidecarError('the answer does not account for every attempt', { status: 200 })
    },
  }
}

/** The sidecar's own 404, of problem details, is an answer. One of somebody else, at a wrong URL, is not. */
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
