/** Agents or models compared at the same mix of issue types, with a warning if that reverses their ranking. */

import { freeName } from '../aggregate/metrics.ts'
import { successes, totalAttempts } from '../aggregate/summary.ts'
import { createTaskSketch, mergeTasks, type TaskSketch } from '../aggregate/task-sketch.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { clusteredCounts } from '../statistics/clusters.ts'
import type { MutableCounts } from '../statistics/counts.ts'
import { type FairComparison, fairComparisonSteps } from '../statistics/fair-comparison.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'

/** The groupings that can be compared. Agent and model together are named `agent:model`, with a suffix such as `#2` if that name is taken. */
export const FAIR_GROUPINGS = ['agent_name', 'model_name', 'agent_and_model'] as const
export type FairGrouping = (typeof FAIR_GROUPINGS)[number]

interface Stratum extends MutableCounts {
  tasks: TaskSketch | undefined
}

/** Compares the groups of `by`, with issue types as strata. */
export function fairReport(summaries: readonly KeySummary[], by: FairGrouping): FairComparison {
  return runToCompletion(fairSteps(summaries, by))
}

/** {@link fairReport} in steps. */
export function* fairSteps(summaries: readonly KeySummary[], by: FairGrouping): Steps<FairComparison> {
  const groups = new Map<string, Map<string, Stratum>>()
  const pairNames = new Map<string, string>()
  function pairName({ agent_name, model_name }: AttemptKey): string {
    const id = `${agent_name}\u0000${model_name}`
    const name = pairNames.get(id) ?? freeName(`${agent_name}:${model_name}`, groups)
    pairNames.set(id, name)
    return name
  }
  function count({ key, summary }: KeySummary): void {
    const name = by === 'agent_and_model' ? pairName(key) : key[by]
    const strata = groups.get(name) ?? new Map<string, Stratum>()
    const counts = strata.get(key.issue_type) ?? { successes: 0, attempts: 0, tasks: undefined }
    counts.successes += successes(summary)
    counts.attempts += totalAttempts(summary)
    if (summary.tasks !== undefined) {
      counts.tasks ??= createTaskSketch()
      mergeTasks(counts.tasks, summary.tasks)
    }
    groups.set(name, strata.set(key.issue_type, counts))
  }
  yield* forEachKey(summaries, count)
  for (const strata of groups.values()) {
    for (const counts of strata.values()) Object.assign(counts, clusteredCounts(counts, counts.tasks))
    yield
  }
  return yield* fairComparisonSteps(groups)
}
