/** What attempts cost, and what a success costs. */
import { answerByGroup } from './groups.ts'
import type { KeySummary } from './ports.ts'
import { type Costs, costsOf } from './statistics/cost.ts'
import { costs, type Summary, successes, type TOKEN_TYPES, tokens, totalAttempts, totalCost } from './summary.ts'
import { total } from './tally.ts'

/** Costs, and the tokens behind them. */
export interface CostAnswer extends Costs {
  readonly tokens: Readonly<Record<(typeof TOKEN_TYPES)[number], number>>
}

export interface CostReport {
  readonly overall: CostAnswer
  readonly by_agent: Record<string, CostAnswer>
  readonly by_model: Record<string, CostAnswer>
  readonly by_issue_type: Record<string, CostAnswer>
}

/** Costs of the given keys together and by each of their names. An unknown cost is counted as unpriced, never as 0. */
export function costReport(summaries: readonly KeySummary[]): CostReport {
  return {
    overall: costAnswer(total(summaries)),
    by_agent: answerByGroup(summaries, 'agent_name', costAnswer),
    by_model: answerByGroup(summaries, 'model_name', costAnswer),
    by_issue_type: answerByGroup(summaries, 'issue_type', costAnswer),
  }
}

/** Costs of one summary. */
export function costAnswer(summary: Summary): CostAnswer {
  const [input, output, cache_read, cache_write] = tokens(summary) as [number, number, number, number]
  const known = costsOf(totalAttempts(summary), successes(summary), costs(summary))
  const sum = totalCost(summary)
  return {
    ...known,
    // What senders added up themselves is in no cost per attempt: nobody knows of how many attempts it is.
    total_cost_usd: known.total_cost_usd === null && sum === 0 ? null : sum,
    tokens: { input, output, cache_read, cache_write },
  }
}
