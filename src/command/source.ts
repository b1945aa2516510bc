/** Whom a command asks and hands attempts to: a running sidecar, or a store itself. */
import { readFileSync } from 'node:fs'
import { variableOf } from '../config/config.ts'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Appended, AttemptPage } from '../core/ports.ts'
import type { BestAgentOptions, DecidedBestAgent } from '../core/reports/best-agent.ts'
import type { CalibrationReport } from '../core/reports/calibration-report.ts'
import type { CostReport } from '../core/reports/cost-report.ts'
import type { ExperimentOptions, ExperimentReport } from '../core/reports/experiment-report.ts'
import type { FairGrouping } from '../core/reports/fair-report.ts'
import type { Grouping } from '../core/reports/grouped-rates.ts'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import type { RangeQuestion } from '../core/reports/range.ts'
import type { PerformanceReport } from '../core/reports/report.ts'
import type { RoutingReport } from '../core/reports/routing.ts'
import type { TrendReport } from '../core/reports/trends.ts'
import type { FairComparison } from '../core/statistics/fair-comparison.ts'
import type { Question } from '../tracker.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Io } from './io.ts'
import type { WhereOptions } from './options.ts'
import { openRemote } from './remote.ts'

/** To whom the next issue of a type should go. Lengths of time as people write them: `7d`. */
export interface RouteQuestion extends Question {
  readonly issue_type: string
  readonly minAttempts?: number | undefined
  readonly explore?: boolean | undefined
  readonly seed?: string | undefined
  readonly maxCostUsd?: number | undefined
  readonly minSuccessRate?: number | undefined
  readonly halfLife?: string | undefined
}

export interface Source {
  report(question: Question): Promise<PerformanceReport>
  /** Undefined where nobody qualifies. */
  best(question: Question & BestAgentOptions & { readonly issue_type: string }): Promise<DecidedBestAgent | undefined>
  compareModels(
    question: Question & { readonly minAttempts?: number | undefined },
  ): Promise<Record<string, ModelPerformance>>
  fairComparison(question: Question & { readonly by?: FairGrouping | undefined }): Promise<FairComparison>
  trends(question: Question & { readonly interval?: string | undefined }): Promise<TrendReport>
  calibration(question: Question & { readonly groupBy?: Grouping | undefined }): Promise<CalibrationReport>
  costs(question: Question): Promise<CostReport>
  /** Undefined where there is no such experiment, or no such baseline in it. */
  experiment(name: string, question: RangeQuestion & ExperimentOptions): Promise<ExperimentReport | undefined>
  route(question: RouteQuestion): Promise<RoutingReport>
  /** A page, oldest first, in which every attempt has an id. */
  attempts(question: Question & { readonly cursor?: string | undefined }): Promise<AttemptPage>
  /** Keeps all of them, or rejects; after that some may be kept, and the same attempts may be recorded again. */
  record(attempts: readonly NewAttempt[]): Promise<Appended>
  close(): Promise<void>
}

const DEFAULT_URL = 'http://127.0.0.1:9464'

/** Asks `work` of the source that the options name, and closes it whatever comes of it. */
export async function withSource<T>(
  { url, store, tokenFile }: WhereOptions,
  { env, stderr }: Pick<Io, 'env' | 'stderr'>,
  use: 'ask' | 'record',
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const source =
    store === undefined
      ? openRemote(url ?? (env[variableOf('url')] || DEFAULT_URL), tokenOf(tokenFile ?? env[variableOf('token-file')]))
      : // Loaded when it is needed: a question to a sidecar needs no store.
        await (await import('./local.ts')).openLocal(store, {
          use,
          prices: env[variableOf('prices')] || undefined,
          stderr,
        })
  try {
    return await work(source)
  } finally {
    await source.close()
  }
}

/** The first token of a file: it may be the one that the sidecar reads. */
function tokenOf(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(EXIT.io, `cannot read the token file: ${(error as Error).message}`, { cause: error })
  }
  const token = /^[ \t]*([^#\s]\S*)/m.exec(text)?.[1]
  // It goes into a header: what that cannot hold must not reach an error message either.
  if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) return token
  throw new CommandError(EXIT.config, `${path} holds no token of printable ASCII characters`)
}
