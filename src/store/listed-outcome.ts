/** An outcome as a listing shows it. */
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { Outcome, OutcomeRecord } from '../core/fold.ts'

/** With the time of receipt where it stated none: a store that it is imported to then has the same times. */
export function listedOutcome({ outcome, nowMs }: OutcomeRecord): Outcome {
  const { attempt_id, success, source, timestamp = printTimestamp({ ms: nowMs, local: false }), note } = outcome
  return { attempt_id, success, source, timestamp, ...(note !== undefined && { note }) }
}
