/** Pending attempts and outcomes in a summary. */
import type { AgentAttempt, DecidedAttempt } from '../attempt/attempt.ts'
import { countFirstOutcome, countNextOutcome, countPending, pendingAttempts } from './outcome-counts.ts'
import {
  addCorrection,
  addendsOf,
  addToRow,
  copyRow,
  createSummary,
  mayHold,
  mergeRow,
  moveInRow,
  outcomesOf,
  type Summary,
} from './summary.ts'

/**
 * Which result of an attempt counts. `latest`: that of its outcomes, else as reported. `reported`: only as reported. `verified`: only that of its
 * outcomes.
 */
export const OUTCOME_VIEWS = ['latest', 'reported', 'verified'] as const

export type OutcomeView = (typeof OUTCOME_VIEWS)[number]

/** What an outcome changes. */
export interface Decision {
  /** The attempt, with the result that counts from now on. */
  readonly attempt: DecidedAttempt
  /** When the attempt ended, in milliseconds since the epoch. */
  readonly ms: number
  /** The result as reported. Undefined if the attempt was pending. */
  readonly reported: boolean | undefined
  /** The result of earlier outcomes. Undefined for the first outcome. */
  readonly before: boolean | undefined
  /** Milliseconds from the end of the attempt to this outcome, 0 or more. */
  readonly delayMs: number
}

/** The result that counts before a decision. Undefined while the attempt is pending. */
export const countedBefore = ({ before, reported }: Decision): boolean | undefined => before ?? reported

/** Counts a pending attempt. */
export function addPending(summary: Summary): void {
  countPending(outcomesOf(summary).counts)
}

/** Whether a summary may count the attempt of a decision, as it was before. */
export function mayDecide(summary: Summary, decision: Decision): boolean {
  const counted = countedBefore(decision)
  if (counted !== undefined) return mayHold(summary, decision.attempt, counted)
  return summary.outcomes !== undefined && pendingAttempts(summary.outcomes.counts) > 0
}

/**
 * Counts an outcome: adds a pending attempt, or moves a counted one to its other result. A summary that does not count the attempt stays as it is,
 * so that no count falls below 0.
 */
export function decide(summary: Summary, decision: Decision): void {
  const counted = countedBefore(decision)
  if (counted !== undefined && !mayHold(summary, decision.attempt, counted)) return
  const { attempt, ms, reported, before, delayMs } = decision
  const outcomes = outcomesOf(summary)
  if (counted !== attempt.success) outcomes.reported ??= copyRow(summary)
  if (counted === undefined) addToRow(summary, addendsOf(attempt), ms)
  else if (counted !== attempt.success) {
    moveInRow(summary, attempt, attempt.success)
    addCorrection(outcomes, attempt, attempt.success)
  }
  outcomes.verified ??= createSummary()
  if (before === undefined) {
    addToRow(outcomes.verified, addendsOf(attempt), ms)
    countFirstOutcome(outcomes.counts, reported, attempt.success, delayMs)
  } else if (before !== attempt.success && mayHold(outcomes.verified, attempt, before)) {
    moveInRow(outcomes.verified, attempt, attempt.success)
    countNextOutcome(outcomes.counts, reported, attempt.success)
  }
}

/** The attempt of an outcome with the result that counts from now on. */
export const decided = (attempt: AgentAttempt, success: boolean): DecidedAttempt => ({ ...attempt, success })

/** A view of a summary. Undefined if it has no attempts. Live, without outcomes of its own unless it is the summary itself. */
export function viewOf(summary: Summary, view: OutcomeView): Summary | undefined {
  if (view === 'verified') return summary.outcomes?.verified
  return view === 'reported' ? (summary.outcomes?.reported ?? summary) : summary
}

/** Adds a view of `other` to `summary`, and the counts of its outcomes. */
export function mergeView(summary: Summary, other: Summary, view: OutcomeView): void {
  const viewed = viewOf(other, view)
  if (viewed !== undefined) mergeRow(summary, viewed)
}
