/** The facts that the rules are evaluated on. They are read from the store at one time, and may refer to its live state. */
import type { ExperimentPlan } from '../aggregate/experiment-plan.ts'
import type { ArmSummary, KeySummary, StoreHealth, StoreUsage } from '../ports.ts'
import type { WatchedAgent } from './agents.ts'
import type { CostPeriods } from './cost-periods.ts'

export interface AlertFacts {
  /** All keys over their whole lifetime. Live: read them before the next await. */
  readonly keys: readonly KeySummary[]
  /** The agents of these keys that are not over. */
  readonly agents: readonly WatchedAgent[]
  /** Undefined if no agent has enough known costs, or counts by time are not held for so long. */
  readonly costs: CostPeriods | undefined
  /** The agents that make no attempts now. */
  readonly silences: readonly Silence[]
  /** The experiments that are not over. */
  readonly experiments: readonly RunningExperiment[]
  readonly usage: StoreUsage
  readonly health: StoreHealth
  /** When the alerts that fire began, by their ids, in milliseconds since the epoch. They end by other conditions than they begin. */
  readonly firing: ReadonlyMap<string, number>
}

/** An agent that makes no attempts now. */
export interface Silence {
  readonly agent_name: string
  /** Its last attempt, in milliseconds since the epoch. */
  readonly lastMs: number
  /** Its attempts in the same hours of the last weeks, the latest week first. */
  readonly weeks: readonly number[]
}

export interface RunningExperiment {
  readonly name: string
  readonly arms: readonly ArmSummary[]
  readonly plan: ExperimentPlan | undefined
}
