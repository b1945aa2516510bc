/** How often outcomes corrected the results of a summary. */
import { correctionsTo } from '../core/aggregate/outcome-counts.ts'
import type { Summary } from '../core/aggregate/summary.ts'

/** Corrections to success, and to failure. */
export type Corrections = readonly [toSuccess: number, toFailure: number]

/** Shared: most summaries have no outcomes. */
const NONE: Corrections = [0, 0]

export function correctionsOf({ outcomes }: Summary): Corrections {
  return outcomes === undefined ? NONE : [correctionsTo(outcomes.counts, true), correctionsTo(outcomes.counts, false)]
}
