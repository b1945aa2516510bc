/** Reads outcomes, and keeps them. */
import type { AttemptProblem } from '../core/attempt/attempt.ts'
import { outcomeProblems } from '../core/attempt/outcome.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import type { Outcome } from '../core/fold.ts'
import type { AppendedOutcomes } from '../core/ports.ts'
import type { BodyLimits } from './body.ts'
import type { OpenStreams } from './open-streams.ts'
import { storeProblem } from './receiving.ts'

/** The tracker, as receivers of outcomes see it. Rejects with StoreUnavailable where some may not be kept. */
export interface OutcomeKeeper {
  keepOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
}

/** What became of outcomes. `unknown`: their attempt is not stored; `refused`: valid, and not recorded at that time. */
export const OUTCOME_RESULTS = ['accepted', 'duplicate', 'unknown', 'rejected', 'refused'] as const
export type OutcomeResult = (typeof OUTCOME_RESULTS)[number]

/** Counts received outcomes, for the sidecar's own metrics. */
export interface OutcomeCounts {
  outcomes(result: OutcomeResult, count: number): void
}

/** The body limits hold for JSON. For a stream of lines only the timeout holds, between two lines. */
export interface OutcomeOptions extends BodyLimits {
  readonly keeper: OutcomeKeeper
  readonly counts: OutcomeCounts
  /** Registers the streams that a stop has to end. */
  readonly streams?: OpenStreams | undefined
}

type ReadOutcome =
  | { readonly outcome: Outcome; readonly problems?: undefined }
  | { readonly outcome?: undefined; readonly problems: readonly AttemptProblem[] }

/** Validates a value. Total. */
export function readOutcome(value: unknown): ReadOutcome {
  const problems = outcomeProblems(value, text => parseTimestamp(text) !== undefined)
  return problems.length > 0 ? { problems } : { outcome: value as Outcome }
}

/** Keeps outcomes and counts them. Rejects as the keeper does. */
export async function keepOutcomes(
  outcomes: readonly Outcome[],
  { keeper, counts }: Pick<OutcomeOptions, 'keeper' | 'counts'>,
): Promise<AppendedOutcomes> {
  try {
    const appended = await keeper.keepOutcomes(outcomes)
    counts.outcomes('accepted', appended.accepted)
    counts.outcomes('duplicate', appended.duplicates)
    counts.outcomes('unknown', appended.unknown.length)
    return appended
  } catch (error) {
    // Throws where it is a defect.
    storeProblem(error)
    counts.outcomes('refused', outcomes.length)
    throw error
  }
}
