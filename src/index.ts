/** What a coordinator imports. It loads `@opentelemetry/api` and Node's own modules, and nothing else. */
export type { AgentAttempt, AttemptKey, AttemptProblem, NewAttempt } from './core/attempt/attempt.ts'
export type { ResyncReason, StreamEvent, StreamEvents, StreamSummary } from './core/events.ts'
export type { Outcome } from './core/fold.ts'
export type { AttemptPage, KeyFilter, MissingAttempts } from './core/ports.ts'
export type { BestAgent, BestAgentOptions, Ranking } from './core/reports/best-agent.ts'
export type { CalibrationReport } from './core/reports/calibration-report.ts'
export type { CostAnswer, CostReport } from './core/reports/cost-report.ts'
export type { KeyDrift } from './core/reports/drift-report.ts'
export type { ExperimentOptions, ExperimentReport, VariantReport } from './core/reports/experiment-report.ts'
export type { FairGrouping } from './core/reports/fair-report.ts'
export type { GroupedRates, Grouping } from './core/reports/grouped-rates.ts'
export type { ModelPerformance } from './core/reports/model-comparison.ts'
export type { AnsweredRange, Ranged } from './core/reports/range.ts'
export type { Rate } from './core/reports/rate.ts'
export type { PerformanceReport } from './core/reports/report.ts'
export type { RouteAnswer, RoutingReport } from './core/reports/routing.ts'
export type { TrendPoint, TrendReport } from './core/reports/trends.ts'
export type { Calibration, ReliabilityBin } from './core/statistics/calibration.ts'
export type { CostEstimate } from './core/statistics/cost.ts'
export type { Drift } from './core/statistics/drift.ts'
export type { VariantComparison, Verdict } from './core/statistics/experiment.ts'
export type { FairBest, FairComparison, FairRate } from './core/statistics/fair-comparison.ts'
export type { MeanInterval, RateInterval } from './core/statistics/intervals.ts'
export type { Exclusion } from './core/statistics/ranking.ts'
export type { TurnedPair } from './core/statistics/reversed-pairs.ts'
export type { RateDifference } from './core/statistics/sequential.ts'
export type { ActiveAttempt } from './instrument/active-attempt.ts'
export {
  type BestAgentAnswer,
  type ClientOptions,
  createClient,
  type QuestionFilter,
  type QuestionRange,
  type RouteOptions,
  type SidecarClient,
} from './instrument/client.ts'
export {
  activeAttempt,
  configureInstrumentation,
  deliverTo,
  instrumentAgent,
  instrumentationProblems,
  recordAttempt,
  recordOutcome,
  sharedInstrumentation,
  startAttempt,
  trackAttempt,
} from './instrument/default-instrumentation.ts'
export { createDelivery, type DeliveryOptions, type DeliveryTarget } from './instrument/delivery.ts'
export type { Delivery, DeliveryStats } from './instrument/delivery-queue.ts'
export type { OnRejected, RejectedDelivery } from './instrument/drain.ts'
export {
  createInstrumentation,
  type Instrumentation,
  type InstrumentationOptions,
  type OpenAttempt,
} from './instrument/instrumentation.ts'
export type { AttemptOutcome, Describe } from './instrument/outcome.ts'
export { createPickAgent, type PickAgent, type PickOptions, pickAgent } from './instrument/pick-agent.ts'
export type { OnProblem, Problem, ProblemCounts } from './instrument/problems.ts'
export type { AttemptKeeper, OutcomeReceipt, Receipt, RejectedAttempt } from './instrument/receipt.ts'
export type { AttemptLabels } from './instrument/recorder.ts'
export { type ProblemDetails, SidecarError } from './instrument/sidecar-error.ts'
export type { StreamOptions } from './instrument/stream.ts'
