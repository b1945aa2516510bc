/** The newest attempts: those of the store at first, and then each one as it arrives. */
import { useEffect, useState } from 'preact/hooks'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { type AnswerState, useAnswer } from './answers.ts'
import type { Query } from './api.ts'
import { onAttempts } from './live.ts'

/** Attempts that the document holds at most. */
export const MAX_ATTEMPTS = 200

/** The least time between two drawings of the attempts, in milliseconds: rows that change at each batch of the stream cannot be read. */
const DRAW_MS = 1000

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
    let waiting: AgentAttempt[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let nextMs = 0
    function show(): void {
      const own = waiting.toReversed()
      waiting = []
      timer = undefined
      nextMs = performance.now() + DRAW_MS
      setArrived(before => [...own, ...before].slice(0, MAX_ATTEMPTS))
    }
    const unsubscribe = onAttempts(attempts => {
      waiting = [...waiting, ...attempts.filter(one => fits(one, query))].slice(-MAX_ATTEMPTS)
      if (waiting.length > 0) timer ??= setTimeout(show, Math.max(0, nextMs - performance.now()))
    })
    return () => {
      clearTimeout(timer)
      unsubscribe()
    }
  }, [key])
  const known = new Set(arrived.map(identityOf))
  const stored = (answer.data?.attempts ?? []).filter(one => !known.has(identityOf(one)))
  return { answer, attempts: [...arrived, ...stored].slice(0, MAX_ATTEMPTS) }
}

const fits = (attempt: AgentAttempt, { agent_name, model_name, issue_type }: Query): boolean =>
  (agent_name === undefined || attempt.agent_name === agent_name) &&
  (model_name === undefined || attempt.model_name === model_name) &&
  (issue_type === undefined || attempt.issue_type === issue_type)

const identities = new WeakMap<AgentAttempt, string>()

/** Equal for attempts whose fields are all equal. Kept: at each drawing, all attempts of a list are asked for theirs. */
export function identityOf(attempt: AgentAttempt): string {
  const known = identities.get(attempt)
  if (known !== undefined) return known
  const identity = JSON.stringify(attempt)
  identities.set(attempt, identity)
  return identity
}
