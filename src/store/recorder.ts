/** Records attempts in a store: validates them, applies defaults, and appends them. */
import type { SeriesPoint } from '../core/aggregate/series.ts'
import type { AgentAttempt, AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { applyDefaults } from '../core/attempt/defaults.ts'
import { type ModelAliases, renameModels, renamePoints } from '../core/attempt/model-aliases.ts'
import { outcomeProblems } from '../core/attempt/outcome.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems, isAttempt } from '../core/attempt/validation.ts'
import type { Outcome } from '../core/fold.ts'
import type { Appended, AppendedOutcomes, AppendedPoints, Clock, ParsedBatch, Store } from '../core/ports.ts'

/** The result for one attempt. */
export type Recorded =
  | { readonly status: 'accepted' | 'duplicate' }
  | { readonly status: 'rejected'; readonly problems: readonly AttemptProblem[] }
  | { readonly status: 'failed'; readonly error: Error }

/** The result for many attempts. If `error` is set, none of them was recorded, and it is safe to send the valid ones again. */
export interface RecordedAttempts extends Appended {
  readonly rejected: readonly { readonly index: number; readonly errors: readonly AttemptProblem[] }[]
  readonly error?: Error
}

/** The result for many outcomes. If `error` is set, some may not be recorded, and it is safe to send the valid ones again. */
export interface RecordedOutcomes extends AppendedOutcomes {
  readonly rejected: RecordedAttempts['rejected']
  readonly error?: Error
}

export interface RecorderOptions {
  readonly clock: Clock
  /** Receives failures at level debug. */
  readonly log: { debug(fields: object, message: string): void } | undefined
  /** Computes the cost in US dollars of an attempt that reported none. Undefined if there is no price. Must not throw. */
  readonly price: ((attempt: NewAttempt) => number | undefined) | undefined
  /** Reads the spellings of models. Called for every batch, because they may be replaced. */
  readonly modelAliases: () => ModelAliases
}

export interface Recorder {
  /** Records the valid attempts, and reports the problems of the others. Never rejects. */
  record(attempts: readonly NewAttempt[]): Promise<RecordedAttempts>
  /** Appends valid attempts, and takes ownership of the arrays. Rejects with `StoreUnavailable` if none was recorded. */
  keep(attempts: NewAttempt[], parsed: ParsedBatch): Promise<Appended>
  /** Records the valid outcomes, and reports the problems of the others. Never rejects. */
  recordOutcomes(outcomes: readonly Outcome[]): Promise<RecordedOutcomes>
  /** Appends valid outcomes. Rejects with `StoreUnavailable` if some may not be durable. */
  keepOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
  /** Appends the new counts of valid metric points. Rejects with `StoreUnavailable` if they may not be durable. */
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints>
  /** Resolves when everything recorded so far is durable, or has failed. */
  flush(): Promise<void>
  /** Attempts whose timestamp was too far ahead of the clock. */
  readonly skewed: number
}

/** A recorder for a store that may still be opening. */
export function createRecorder(store: Promise<Store>, options: RecorderOptions): Recorder {
  const { clock, log, price, modelAliases } = options
  // Used once the store is open: awaiting the promise would cost every attempt a microtask.
  let opened: Store | undefined
  let skewed = 0
  let last: Promise<unknown> = Promise.resolve()
  store.then(
    open => {
      opened = open
    },
    // Each call rejects with the reason.
    () => undefined,
  )

  function keep(attempts: NewAttempt[], parsed: ParsedBatch): Promise<Appended> {
    // Before the price, which is that of the name, and before the log: a replay needs no aliases.
    renameModels(attempts, parsed, modelAliases())
    const applied = applyDefaults(attempts, parsed, { nowMs: clock(), price })
    skewed += applied.skewed
    const complete = attempts as AgentAttempt[]
    const kept = opened?.append(complete, applied.batch) ?? store.then(open => open.append(complete, applied.batch))
    last = kept
    return kept
  }

  function keepOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes> {
    const kept = store.then(open => open.appendOutcomes(outcomes))
    last = kept
    return kept
  }

  function failed(cause: unknown, rejected: RecordedAttempts['rejected']): RecordedAttempts {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    log?.debug({ err: error }, 'attempts or outcomes could not be kept')
    return { accepted: 0, duplicates: 0, rejected, error }
  }

  return {
    async record(attempts) {
      let rejected: RecordedAttempts['rejected'] = []
      try {
        const checked = checkAttempts(attempts)
        rejected = checked.rejected
        if (rejected.length > 0) log?.debug({ rejected }, 'attempts rejected')
        if (checked.valid.length === 0) return { accepted: 0, duplicates: 0, rejected }
        return { ...(await keep(checked.valid, { instants: [] })), rejected }
      } catch (error) {
        return failed(error, rejected)
      }
    },
    keep,
    async recordOutcomes(outcomes) {
      const rejected: { index: number; errors: AttemptProblem[] }[] = []
      const valid: Outcome[] = []
      try {
        for (const [index, outcome] of outcomes.entries()) {
          const errors = outcomeProblems(outcome, isTimestamp)
          if (errors.length > 0) rejected.push({ index, errors })
          else valid.push({ ...outcome })
        }
        return { ...(await keepOutcomes(valid)), rejected }
      } catch (error) {
        return { ...failed(error, rejected), unknown: [] }
      }
    },
    keepOutcomes,
    keepPoints(points) {
      const renamed = renamePoints(points, modelAliases())
      const kept = store.then(open => open.appendPoints(renamed))
      last = kept
      return kept
    },
    async flush() {
      await last.catch(() => undefined)
    },
    get skewed() {
      return skewed
    },
  }
}

/** Copies the valid attempts, because the caller may change its objects before they are serialized. */
function checkAttempts(attempts: readonly NewAttempt[]): {
  readonly valid: NewAttempt[]
  readonly rejected: RecordedAttempts['rejected']
} {
  const valid: NewAttempt[] = []
  const rejected: { index: number; errors: AttemptProblem[] }[] = []
  for (const [index, attempt] of attempts.entries()) {
    if (isAttempt(attempt, isTimestamp)) valid.push({ ...attempt })
    else rejected.push({ index, errors: attemptProblems(attempt, isTimestamp) })
  }
  return { valid, rejected }
}

function isTimestamp(text: string): boolean {
  return parseTimestamp(text) !== undefined
}
