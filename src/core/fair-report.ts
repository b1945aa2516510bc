/** Agents or models compared at the same mix of issue types, and a warning where that turns their ranking over. */
import { countsOf } from './groups.ts'
import type { KeySummary } from './ports.ts'
import type { Counts } from './statistics/counts.ts'
import { compareFairly, type FairComparison } from './statistics/fair-comparison.ts'

/** What may be compared; agent and model together are named `agent:model`. */
export const FAIR_GROUPINGS = ['agent_name', 'model_name', 'agent_and_model'] as const
export type FairGrouping = (typeof FAIR_GROUPINGS)[number]

/** Compares what `by` names, like with like. */
export function fairReport(summaries: readonly KeySummary[], by: FairGrouping): FairComparison {
  const groups = new Map<string, Map<string, Counts>>()
  for (const { key, summary } of summaries) {
    const name = by === 'agent_and_model' ? `${key.agent_name}:${key.model_name}` : key[by]
    const strata = groups.get(name) ?? new Map<string, Counts>()
    const known = strata.get(key.issue_type) ?? { successes: 0, attempts: 0 }
    const own = countsOf(summary)
    strata.set(key.issue_type, {
      successes: known.successes + own.successes,
      attempts: known.attempts + own.attempts,
    })
    groups.set(name, strata)
  }
  return compareFairly(groups)
}
