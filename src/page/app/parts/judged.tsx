/** How the attempts of an answer were judged. */
import type { OutcomeTotals } from '../../../core/reports/outcome-totals.ts'
import { count } from '../data/format.ts'

/** Nothing where every attempt counts as it was reported: the usual case needs no words. */
export function Judged({ outcomes }: { outcomes: OutcomeTotals | undefined }) {
  // An older sidecar does not report them.
  if (outcomes === undefined || outcomes.verified + outcomes.pending === 0) return null
  const { verified, reported, pending } = outcomes
  return (
    <p class="card-foot">
      {count(verified)} verified by outcomes · {count(reported)} only reported · {count(pending)} pending
    </p>
  )
}
