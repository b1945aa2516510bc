/** Cost per attempt and per success, over all given keys and by each of their names. */

import { costs, type Summary, type TOKEN_TYPES, tokens, totalCost } from '../aggregate/summary.ts'
import type { KeySummary } from '../ports.ts'
import { type Costs, costsOf } from '../statistics/cost.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { answerByName, countsOf, totalOfAll, totalsBy } from './groups.ts'

/** Costs in US dollars, and the number of tokens of each type. */
export interface CostAnswer extends Costs {
  readonly tokens: Readonly<Record<(typeof TOKEN_TYPES)[number], number>>
}

export interface CostReport {
  readonly overall: CostAnswer
  readonly by_agent: Record<string, CostAnswer>
  readonly by_model: Record<string, CostAnswer>
  readonly by_issue_type: Record<string, CostAnswer>
}

/** The costs of the given keys, together and by agent, model and issue type. Unknown costs are counted as `unpriced`. */
export function costReport(summaries: readonly KeySummary[]): CostReport {
  return runToCompletion(costSteps(summaries))
}

/** {@link costReport} in steps. */
export function* costSteps(summaries: readonly KeySummary[]): Steps<CostReport> {
  const { agent_name, model_name, issue_type } = yield* totalsBy(summaries, ['agent_name', 'model_name', 'issue_type'])
  return {
    overall: costAnswer(yield* totalOfAll(model_name)),
    by_agent: yield* answerByName(agent_name, costAnswer),
    by_model: yield* answerByName(model_name, costAnswer),
    by_issue_type: yield* answerByName(issue_type, costAnswer),
  }
}

/** The costs of one summary. */
export function costAnswer(summary: Summary): CostAnswer {
  const [input, output, cache_read, cache_write] = tokens(summary) as [number, number, number, number]
  const known = costsOf(countsOf(summary), costs(summary))
  const sum = totalCost(summary)
  return {
    ...known,
    // The total includes sums that senders report without attempts. They cannot be part of a cost per attempt.
    total_cost_usd: known.total_cost_usd === null && sum === 0 ? null : sum,
    tokens: { input, output, cache_read, cache_write },
  }
}
