/** Ids of attempts that were recorded without one. */
import { createHash } from 'node:crypto'
import type { AgentAttempt } from '../core/attempt/attempt.ts'

/**
 * The attempt with an id: its own, or a digest of its content and its `place` in the store. Equal attempts have different places, so their
 * ids differ.
 */
export function withId(attempt: AgentAttempt, place: string): AgentAttempt {
  if (attempt.attempt_id !== undefined) return attempt
  const hash = createHash('sha256')
    .update(`${place} ${JSON.stringify(attempt)}`)
    .digest('hex')
    .slice(0, 32)
  return { ...attempt, attempt_id: `kept:${hash}` }
}
