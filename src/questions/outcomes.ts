/** How the attempts of an answer were judged. */
import type { StopSignal } from '../core/ports.ts'
import { type OutcomeTotals, outcomeTotalSteps } from '../core/reports/outcome-totals.ts'
import { runYielding } from '../lib/event-loop.ts'
import type { Facts, ParsedQuery } from './question.ts'

/** The totals of the keys and the range of a query, whichever results it asks for. */
export async function outcomesIn(
  facts: Facts,
  { range, filter }: Pick<ParsedQuery, 'range' | 'filter'>,
  signal: StopSignal | undefined,
): Promise<OutcomeTotals> {
  return await runYielding(outcomeTotalSteps(await facts.summaries(range, filter, signal, 'any')), signal)
}
