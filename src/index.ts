/** What a coordinator imports. It loads `@opentelemetry/api` and Node's own modules, and nothing else. */
export type { AgentAttempt, AttemptKey, AttemptProblem, NewAttempt } from './core/attempt.ts'
export type { BestAgent, BestAgentOptions, Ranking } from './core/best-agent.ts'
export type { CalibrationReport } from './core/calibration-report.ts'
export type { CostAnswer, CostReport } from './core/cost-report.ts'
export type { ExperimentOptions, ExperimentReport, VariantReport } from './core/experiment-report.ts'
export type { FairGrouping } from './core/fair-report.ts'
export type { AttemptPage, KeyFilter, MissingAttempts } from './core/ports.ts'
export type { Rate } from './core/rate.ts'
export type { GroupedRates, Grouping, ModelPerformance, PerformanceReport } from './core/report.ts'
export type { RouteAnswer, RoutingReport } from './core/routing.ts'
export type { Calibration, ReliabilityBin } from './core/statistics/calibration.ts'
export type { CostEstimate } from './core/statistics/cost.ts'
export type { Drift } from './core/statistics/drift.ts'
export type { VariantComparison, Verdict } from './core/statistics/experiment.ts'
export type { FairBest, FairComparison, FairRate, TurnedPair } from './core/statistics/fair-comparison.ts'
export type { MeanInterval, RateInterval } from './core/statistics/intervals.ts'
export type { Exclusion } from './core/statistics/ranking.ts'
export type { RateDifference } from './core/statistics/sequential.ts'
export type { KeyDrift, TrendPoint, TrendReport } from './core/trends.ts'
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
  deliverTo,
  instrumentAgent,
  instrumentationProblems,
  recordAttempt,
  trackAttempt,
} from './instrument/default-instrumentation.ts'
export { createDelivery, type DeliveryOptions, type DeliveryTarget } from './instrument/delivery.ts'
export type { Delivery, DeliveryStats } from './instrument/delivery-queue.ts'
export { createInstrumentation, type Instrumentation } from './instrument/instrumentation.ts'
export type { AttemptOutcome, Describe } from './instrument/outcome.ts'
export type { ProblemCounts } from './instrument/problems.ts'
export type { AttemptKeeper, Receipt, RejectedAttempt } from './instrument/receipt.ts'
export type { AttemptLabels } from './instrument/recorder.ts'
export { type ProblemDetails, SidecarError } from './instrument/sidecar-error.ts'
