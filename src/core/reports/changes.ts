/** What changed from one period to the next: the success rate of all attempts as it is, and that of every agent at the same work. */
import { countsOfAllSteps } from '../aggregate/group-totals.ts'
import { totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary } from '../ports.ts'
import type { TaskCounts } from '../statistics/clusters.ts'
import { changedGroups, type PeriodChange, periodChange } from '../statistics/period-change.ts'
import { compareRates, type RateDifference } from '../statistics/sequential.ts'
import { total } from '../statistics/standardise.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { taskCountsOf } from './groups.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import { sortedSteps } from './sorted.ts'

const ALPHA = 0.05

/** The direction of a change, where it is more than chance. */
export const CHANGE_DIRECTIONS = ['improving', 'degrading', 'cannot_tell_yet'] as const
export type ChangeDirection = (typeof CHANGE_DIRECTIONS)[number]

/** An agent in two periods. */
export interface AgentChange {
  readonly agent_name: string
  /** Of the agents that are named as changed at one look, at most 0.1 % on average have not changed. */
  readonly direction: ChangeDirection
  /** Null without attempts in the period. */
  readonly earlier: Rate | null
  readonly later: Rate | null
  /** Attempts of both periods at the models and issue types that both have. Only they are compared. */
  readonly compared_attempts: number
  /** The later rate minus the earlier rate at the same mix of models and issue types, in percentage points. Null if none is in both periods. */
  readonly adjusted_difference: number | null
  readonly adjusted_difference_interval: {
    readonly low: number
    readonly high: number
    readonly method: 'mover'
  } | null
  /** Two-sided p-value of "no change at the same work", for one look at one agent. Null if nothing is compared. */
  readonly p_value: number | null
}

export interface ChangeReport {
  /** The rate of all attempts in the earlier and in the later period. Null without attempts. */
  readonly earlier: Rate | null
  readonly later: Rate | null
  /** The later period compared with the earlier one, whatever the work was. Null if one has no attempts. */
  readonly change: RateDifference | null
  readonly direction: ChangeDirection
  /** The number of agents with a model and an issue type in both periods. */
  readonly agents_compared: number
  /** Those that have changed first, then by the size of the difference. */
  readonly agents: readonly AgentChange[]
}

/** The changes between two periods: `earlier` and `later` are the summaries of the keys in each. */
export function changeReport(earlier: readonly KeySummary[], later: readonly KeySummary[]): ChangeReport {
  return runToCompletion(changeSteps(earlier, later))
}

/** {@link changeReport} in steps. At most `limit` agents are in the answer; all are tested. */
export function* changeSteps(
  earlier: readonly KeySummary[],
  later: readonly KeySummary[],
  limit: number = Number.POSITIVE_INFINITY,
): Steps<ChangeReport> {
  const [before, after] = [yield* countsOfAllSteps(earlier), yield* countsOfAllSteps(later)]
  const agents = yield* agentsOf(earlier, later)
  const compared: Compared[] = []
  for (const agent of agents) {
    compared.push({ agent, change: periodChange(agent.earlier, agent.later) })
    yield
  }
  const tested = compared.filter(({ change }) => change !== undefined)
  const changed = changedGroups(tested.map(({ change }) => change!.p_value))
  const named = new Set(tested.filter((_, i) => changed[i]))
  const order = (one: Compared): number => (named.has(one) ? 1 : 0) + Math.abs(one.change?.difference ?? 0)
  const sorted = yield* sortedSteps(compared, (a, b) => order(b) - order(a))
  return {
    ...overall(before, after),
    agents_compared: tested.length,
    agents: sorted.slice(0, limit).map(one => agentChange(one, named.has(one))),
  }
}

function overall(
  before: TaskCounts,
  after: TaskCounts,
): Pick<ChangeReport, 'earlier' | 'later' | 'change' | 'direction'> {
  const isComparable = before.attempts > 0 && after.attempts > 0
  const change = isComparable ? compareRates(before, after, { alpha: ALPHA, adaptive: false }) : null
  return {
    earlier: rateIn(before),
    later: rateIn(after),
    change,
    direction: directionOf(change?.difference ?? 0, change !== null && change.p_value <= ALPHA),
  }
}

/** An agent's counts by model and issue type. */
interface Agent {
  readonly name: string
  readonly earlier: Map<string, TaskCounts>
  readonly later: Map<string, TaskCounts>
}

interface Compared {
  readonly agent: Agent
  readonly change: PeriodChange | undefined
}

function* agentsOf(earlier: readonly KeySummary[], later: readonly KeySummary[]): Steps<readonly Agent[]> {
  const agents = new Map<string, Agent>()
  for (const period of ['earlier', 'later'] as const) {
    function add({ key, summary }: KeySummary): void {
      if (totalAttempts(summary) === 0) return
      const { agent_name: name, model_name, issue_type } = key
      const agent = agents.get(name) ?? { name, earlier: new Map(), later: new Map() }
      agents.set(name, agent)
      agent[period].set(`${model_name}\u0000${issue_type}`, taskCountsOf(summary))
    }
    yield* forEachKey(period === 'earlier' ? earlier : later, add, KEYS_PER_STEP)
  }
  return [...agents.values()]
}

function agentChange({ agent, change }: Compared, isChanged: boolean): AgentChange {
  return {
    agent_name: agent.name,
    direction: directionOf(change?.difference ?? 0, isChanged),
    earlier: rateIn(total(agent.earlier.values())),
    later: rateIn(total(agent.later.values())),
    compared_attempts: change?.attempts ?? 0,
    adjusted_difference: change === undefined ? null : change.difference * 100,
    adjusted_difference_interval:
      change === undefined ? null : { low: change.low * 100, high: change.high * 100, method: 'mover' },
    p_value: change?.p_value ?? null,
  }
}

function directionOf(difference: number, isChanged: boolean): ChangeDirection {
  if (!isChanged) return 'cannot_tell_yet'
  return difference > 0 ? 'improving' : 'degrading'
}

const rateIn = (period: TaskCounts): Rate | null => (period.attempts === 0 ? null : rateOfCounts(period))
