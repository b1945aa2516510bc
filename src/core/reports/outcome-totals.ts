/** How many of the attempts of an answer count by an outcome, and how many as reported. */
import { pendingAttempts, verifiedAttempts } from '../aggregate/outcome-counts.ts'
import { type Summary, totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary } from '../ports.ts'
import { forEachKey, type Steps } from '../steps.ts'

/** Numbers of attempts. */
export interface OutcomeTotals {
  /** With an outcome. */
  readonly verified: number
  /** With a reported result and no outcome. */
  readonly reported: number
  /** With neither. They count in no rate. */
  readonly pending: number
}

/** An answer that says how its attempts were judged. */
export interface WithOutcomes {
  readonly outcomes: OutcomeTotals
}

/** The totals of summaries of the latest results. */
export function outcomeTotals(summaries: Iterable<Summary>): OutcomeTotals {
  let [verified, counted, pending] = [0, 0, 0]
  for (const summary of summaries) {
    counted += totalAttempts(summary)
    if (summary.outcomes === undefined) continue
    verified += verifiedAttempts(summary.outcomes.counts)
    pending += pendingAttempts(summary.outcomes.counts)
  }
  return { verified, reported: counted - verified, pending }
}

/** {@link outcomeTotals} of keys, in steps. */
export function* outcomeTotalSteps(keys: readonly KeySummary[]): Steps<OutcomeTotals> {
  let [verified, reported, pending] = [0, 0, 0]
  yield* forEachKey(keys, ({ summary }) => {
    // Makes no object for a key without outcomes, as most are.
    if (summary.outcomes === undefined) {
      reported += totalAttempts(summary)
      return
    }
    const own = outcomeTotals([summary])
    verified += own.verified
    reported += own.reported
    pending += own.pending
  })
  return { verified, reported, pending }
}
