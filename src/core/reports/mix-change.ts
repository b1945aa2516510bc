/** Whether the mix of agents changed within a range, so that a rate over all of them may move although none of them changes. */
import { totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import type { Counts } from '../statistics/counts.ts'
import { forEachKey, type Steps } from '../steps.ts'

/** The agent whose share of the attempts changed most. Shares are in percent. */
export interface MixChange {
  readonly agent_name: string
  readonly earlier_share: number
  readonly later_share: number
}

/** Attempts by agent. */
export type AgentAttempts = ReadonlyMap<string, number>

/** A smaller change, in percentage points, hardly moves a rate. */
const LEAST_CHANGE = 10
/** A smaller change, in standard errors of a difference of proportions, is chance. */
const LEAST_ERRORS = 3

/**
 * The largest change of the share of an agent from the earlier to the later part, if it is at least 10 percentage points and 3 standard errors.
 * Undefined if no share changed that much.
 */
export function mixChange(earlier: AgentAttempts, later: AgentAttempts): MixChange | undefined {
  const [before, after] = [sumOf(earlier), sumOf(later)]
  if (before === 0 || after === 0) return undefined
  let most: MixChange | undefined
  for (const agent_name of new Set([...earlier.keys(), ...later.keys()])) {
    const [one, other] = [earlier.get(agent_name) ?? 0, later.get(agent_name) ?? 0]
    const pooled = (one + other) / (before + after)
    const error = Math.sqrt(pooled * (1 - pooled) * (1 / before + 1 / after)) * 100
    const change = { agent_name, earlier_share: (one / before) * 100, later_share: (other / after) * 100 }
    const size = sizeOf(change)
    if (size >= LEAST_CHANGE && size >= LEAST_ERRORS * error && (most === undefined || size > sizeOf(most)))
      most = change
  }
  return most
}

const sizeOf = ({ earlier_share, later_share }: MixChange): number => Math.abs(later_share - earlier_share)

const sumOf = (attempts: AgentAttempts): number => [...attempts.values()].reduce((sum, one) => sum + one, 0)

/** The attempts of each agent. */
export function* agentAttemptSteps(summaries: readonly KeySummary[]): Steps<AgentAttempts> {
  const attempts = new Map<string, number>()
  yield* forEachKey(summaries, ({ key, summary }) => {
    attempts.set(key.agent_name, (attempts.get(key.agent_name) ?? 0) + totalAttempts(summary))
  })
  return attempts
}

/** The two parts of consecutive intervals with about half of the attempts each. Undefined if one of them has no interval. */
export function partsOf(
  intervals: readonly TimeRange[],
  counts: readonly Counts[],
): { readonly earlier: TimeRange; readonly later: TimeRange } | undefined {
  const total = counts.reduce((sum, { attempts }) => sum + attempts, 0)
  let before = 0
  let split = 0
  while (split < intervals.length && before + counts[split]!.attempts / 2 <= total / 2)
    before += counts[split++]!.attempts
  const [first, middle, last] = [intervals[0], intervals[split], intervals.at(-1)]
  if (split === 0 || first === undefined || middle === undefined || last === undefined) return undefined
  return {
    earlier: { sinceMs: first.sinceMs, untilMs: middle.sinceMs },
    later: { sinceMs: middle.sinceMs, untilMs: last.untilMs },
  }
}
