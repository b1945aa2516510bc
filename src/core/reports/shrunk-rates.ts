/** Success rates of agents with a model, shrunk over issue types and agents. */

import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { type Counts, effectiveCounts } from '../statistics/counts.ts'
import { type Cell, shrinkageSteps } from '../statistics/shrinkage.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'

/** The shrunk rate of a key with these counts, in percent, 0 to 100. */
export type ShrunkRate = (key: AttemptKey, counts: Counts) => number

/** Fits the shrinkage model to the keys. `summaries` should have all issue types. */
export function* shrunkRateSteps(summaries: readonly KeySummary[]): Steps<ShrunkRate> {
  const candidates = new Map<string, number>()
  const issues = new Map<string, number>()
  const cells: Cell[] = []
  yield* forEachKey(summaries, ({ key, summary }) => {
    const candidate = indexOf(candidates, candidateId(key))
    cells.push({ candidate, stratum: indexOf(issues, key.issue_type), ...effectiveCounts(countsOf(summary)) })
  })
  const { rateOf } = yield* shrinkageSteps(cells)
  return (key, counts) =>
    rateOf(candidates.get(candidateId(key)), issues.get(key.issue_type), effectiveCounts(counts)) * 100
}

/** Identifies an agent with a model, over all issue types. */
export function candidateId({ agent_name, model_name }: Pick<AttemptKey, 'agent_name' | 'model_name'>): string {
  return `${agent_name}\u0000${model_name}`
}

function indexOf(indexes: Map<string, number>, name: string): number {
  const index = indexes.get(name) ?? indexes.size
  indexes.set(name, index)
  return index
}
