/** What a coordinator imports. It loads `@opentelemetry/api` and Node's own modules, and nothing else. */
export type { AgentAttempt, AttemptKey, AttemptProblem, NewAttempt } from './core/attempt.ts'
export type { BestAgent, BestAgentOptions, Ranking } from './core/best-agent.ts'
export type { AttemptPage, KeyFilter } from './core/ports.ts'
export type { Rate } from './core/rate.ts'
export type { GroupedRates, Grouping, ModelPerformance, PerformanceReport } from './core/report.ts'
export type { RateInterval } from './core/statistics/intervals.ts'
export {
  type BestAgentAnswer,
  type ClientOptions,
  createClient,
  type QuestionFilter,
  type QuestionRange,
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
