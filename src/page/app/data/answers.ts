/** Answers that stay current while they are shown. */
import { useEffect, useState } from 'preact/hooks'
import { ApiError, ask, type Given, type Query, type QuestionPath, token } from './api.ts'
import { type Change, onChange, whenVisible } from './live.ts'

export interface AnswerState<Data> {
  /** The last answer. It stays while the next one loads. */
  readonly data: Data | undefined
  readonly error: ApiError | undefined
  /** True until the answer to the present query is there. */
  readonly isBusy: boolean
}

/** The state after an answer to the query of `key`. */
interface KeyedState<Data> extends AnswerState<Data> {
  readonly key: string
}

/** The least time between two requests of the same question, in milliseconds. */
const LEAST_MS = 1000
/** A slow question is asked less often: it takes at most this share of the time. */
const BUSY_SHARE = 0.2
/** How often a question is asked that follows time. */
const TIME_MS = 30_000
/** After an error the page asks again. */
const RETRY_MS = 5000

/** Whether one of the answers is not there yet. A view that shows cards as they come would push the others down. */
export const isPending = (...answers: readonly AnswerState<unknown>[]): boolean =>
  answers.some(({ data, error }) => data === undefined && error === undefined)

type Follows = 'changes' | 'gaps' | 'time'

interface AnswerOptions {
  /**
   * When the question is asked again: at every change, only when attempts are missing from the stream, or every half minute: also without
   * attempts, which some answers are about.
   */
  readonly follows?: Follows
}

/** Asks a question, and again when attempts change its answer. An undefined query asks nothing. */
export function useAnswer<Path extends QuestionPath>(
  path: Path,
  query: Query | undefined,
  { follows = 'changes' }: AnswerOptions = {},
): AnswerState<Given<Path>> {
  const key = JSON.stringify([path, query, token.value])
  const [state, setState] = useState<KeyedState<Given<Path>>>({ key, data: undefined, error: undefined, isBusy: true })
  useEffect(() => {
    if (query === undefined) return
    return followAnswer<Path>(path, query, follows, update => setState(before => ({ ...update(before), key })))
  }, [key])
  // The effect runs after the first drawing. Without this, that one would show the last answer as the one to the new query.
  return state.key === key ? state : { ...state, isBusy: true }
}

/** Two answers that are shown together. There is nothing to show until both are there: one alone would say too little, and move what is below. */
export function together<First, Second>(
  first: AnswerState<First>,
  second: AnswerState<Second>,
): AnswerState<readonly [First, Second]> {
  const isThere = first.data !== undefined && second.data !== undefined
  return {
    data: isThere ? [first.data, second.data] : undefined,
    error: first.error ?? second.error,
    isBusy: first.isBusy || second.isBusy,
  }
}

function followAnswer<Path extends QuestionPath>(
  path: Path,
  query: Query,
  follows: Follows,
  setState: (update: (before: AnswerState<Given<Path>>) => AnswerState<Given<Path>>) => void,
): () => void {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isLoading = false
  let isDirty = false
  let nextMs = 0

  async function load(): Promise<void> {
    timer = undefined
    isLoading = true
    isDirty = false
    const beganMs = performance.now()
    let retryMs = 0
    try {
      const data = await ask(path, query, stop.signal)
      setState(() => ({ data, error: undefined, isBusy: false }))
    } catch (error) {
      if (stop.signal.aborted) return
      const problem = error instanceof ApiError ? error : new ApiError(0, String(error))
      // What was shown stays while the sidecar is away. Any other error is the answer.
      setState(({ data }) => ({ data: problem.status === 0 ? data : undefined, error: problem, isBusy: false }))
      if (problem.status === 0 || problem.status === 429 || problem.status >= 500) retryMs = RETRY_MS
    }
    isLoading = false
    const endedMs = performance.now()
    nextMs = Math.max(beganMs + LEAST_MS, endedMs + (endedMs - beganMs) / BUSY_SHARE)
    if (follows === 'time') nextMs = Math.max(nextMs, beganMs + TIME_MS)
    if (retryMs > 0) timer = setTimeout(load, retryMs)
    else if (isDirty || follows === 'time') schedule()
  }

  function schedule(): void {
    isDirty = true
    if (isLoading || timer !== undefined) return
    timer = setTimeout(
      () => void whenVisible().then(() => (stop.signal.aborted ? undefined : load())),
      Math.max(0, nextMs - performance.now()),
    )
  }

  const unsubscribe = onChange(change => {
    if (follows === 'changes' ? concerns(change, query) : follows === 'gaps' && change.isGap) schedule()
  })
  void load()
  return () => {
    stop.abort()
    clearTimeout(timer)
    unsubscribe()
  }
}

function concerns({ keys }: Change, { agent_name, model_name, issue_type }: Query): boolean {
  if (keys === undefined) return true
  return keys.some(
    key =>
      (agent_name === undefined || key.agent_name === agent_name) &&
      (model_name === undefined || key.model_name === model_name) &&
      (issue_type === undefined || key.issue_type === issue_type),
  )
}
