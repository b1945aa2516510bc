/** The newest attempts: those of the store at first, and then each one as it arrives. */
import { useEffect, useState } from 'preact/hooks'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { type AnswerState, useAnswer } from './answers.ts'
import type { Query } from './api.ts'
import { onAttempts } from './live.ts'

/** Attempts that the document holds at most. */
export const MAX_ATTEMPTS = 200

export interface NewestAttempts {
  readonly answer: AnswerState<unknown>
  /** Newest first. */
  readonly attempts: readonly AgentAttempt[]
}

/** The filters of `query` apply to attempts that arrive, too. */
export function useNewestAttempts(query: Query): NewestAttempts {
  const [arrived, setArrived] = useState<readonly AgentAttempt[]>([])
  const answer = useAnswer('attempts', { ...query, limit: String(MAX_ATTEMPTS) }, { follows: 'gaps' })
  const key = JSON.stringify(query)
  useEffect(() => {
    setArrived([])
    return onAttempts(attempts => {
      const own = attempts.filter(one => fits(one, query))
      if (own.length > 0) setArrived(before => [...own.toReversed(), ...before].slice(0, MAX_ATTEMPTS))
    })
  }, [key])
  const known = new Set(arrived.map(identityOf))
  const stored = (answer.data?.attempts ?? []).filter(one => !known.has(identityOf(one)))
  return { answer, attempts: [...arrived, ...stored].slice(0, MAX_ATTEMPTS) }
}

const fits = (attempt: AgentAttempt, { agent_name, model_name, issue_type }: Query): boolean =>
  (agent_name === undefined || attempt.agent_name === agent_name) &&
  (model_name === undefined || attempt.model_name === model_name) &&
  (issue_type === undefined || attempt.issue_type === issue_type)

/** Attempts without an id are equal if all their fields are. */
export const identityOf = (attempt: AgentAttempt): string => JSON.stringify(attempt)
