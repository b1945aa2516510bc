/** How often outcomes corrected the results of a summary. */
import { confidentCorrectionsTo, correctionsTo } from '../core/aggregate/outcome-counts.ts'
import type { Summary } from '../core/aggregate/summary.ts'

/** Corrections to success, and to failure. */
export type Corrections = readonly [toSuccess: number, toFailure: number]

/** Shared: most summaries have no outcomes. */
const NONE: Corrections = [0, 0]

export function correctionsOf({ outcomes }: Summary): Corrections {
  return outcomes === undefined ? NONE : [correctionsTo(outcomes.counts, true), correctionsTo(outcomes.counts, false)]
}

/** {@link correctionsOf} of attempts that stated a confidence. */
export function confidentCorrectionsOf({ outcomes }: Summary): Corrections {
  if (outcomes === undefined) return NONE
  return [confidentCorrectionsTo(outcomes.counts, true), confidentCorrectionsTo(outcomes.counts, false)]
}
