/** How the attempts of an answer were judged. */
import { totalAttempts } from '../core/aggregate/summary.ts'
import type { KeySummary, StopSignal } from '../core/ports.ts'
import { type OutcomeTotals, outcomeTotalSteps } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import type { Facts, ParsedQuery } from './question.ts'

type Selected = Pick<ParsedQuery, 'range' | 'filter'>

/** The totals of the keys and the range of a query, whichever results it asks for. */
export async function outcomesIn(
  facts: Facts,
  { range, filter }: Selected,
  signal: StopSignal | undefined,
): Promise<OutcomeTotals> {
  return await runYielding(outcomeTotalSteps(await facts.summaries(range, filter, signal, 'any')), signal)
}

interface JudgedSummaries {
  readonly summaries: readonly KeySummary[]
  readonly outcomes: OutcomeTotals
}

/** The summaries of a query with {@link outcomesIn}. A range is read once: the latest results are those of any that have some. */
export async function judgedSummaries(
  facts: Facts,
  query: Selected & Pick<Selection, 'outcome'>,
  signal: StopSignal | undefined,
): Promise<JudgedSummaries> {
  const { range, filter, outcome = 'latest' } = query
  if (range === undefined || outcome !== 'latest') {
    const summaries = await facts.summaries(range, filter, signal)
    return { summaries, outcomes: await outcomesIn(facts, query, signal) }
  }
  const any = await facts.summaries(range, filter, signal, 'any')
  const outcomes = await runYielding(outcomeTotalSteps(any), signal)
  return { summaries: any.filter(({ summary }) => totalAttempts(summary) > 0), outcomes }
}
