/** Agents or models compared at the same mix of issue types, with a warning if that reverses their ranking. */

import { freeName } from '../aggregate/metrics.ts'
import { successes, totalAttempts } from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import type { MutableCounts } from '../statistics/counts.ts'
import { type FairComparison, fairComparisonSteps } from '../statistics/fair-comparison.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'

/** The groupings that can be compared. Agent and model together are named `agent:model`, with a suffix such as `#2` if that name is taken. */
export const FAIR_GROUPINGS = ['agent_name', 'model_name', 'agent_and_model'] as const
export type FairGrouping = (typeof FAIR_GROUPINGS)[number]

/** Compares the groups of `by`, with issue types as strata. */
export function fairReport(summaries: readonly KeySummary[], by: FairGrouping): FairComparison {
  return runToCompletion(fairSteps(summaries, by))
}

/** {@link fairReport} in steps. */
export function* fairSteps(summaries: readonly KeySummary[], by: FairGrouping): Steps<FairComparison> {
  const groups = new Map<string, Map<string, MutableCounts>>()
  const pairNames = new Map<string, string>()
  function pairName({ agent_name, model_name }: AttemptKey): string {
    const id = `${agent_name}\u0000${model_name}`
    const name = pairNames.get(id) ?? freeName(`${agent_name}:${model_name}`, groups)
    pairNames.set(id, name)
    return name
  }
  function count({ key, summary }: KeySummary): void {
    const name = by === 'agent_and_model' ? pairName(key) : key[by]
    const strata = groups.get(name) ?? new Map<string, MutableCounts>()
    const counts = strata.get(key.issue_type) ?? { successes: 0, attempts: 0 }
    counts.successes += successes(summary)
    counts.attempts += totalAttempts(summary)
    groups.set(name, strata.set(key.issue_type, counts))
  }
  yield* forEachKey(summaries, count)
  return yield* fairComparisonSteps(groups)
}
