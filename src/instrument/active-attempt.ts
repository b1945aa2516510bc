/** Which attempt's work is running, so that an adapter of a framework does not record the same run again. */
import type { AttemptOutcome } from './outcome.ts'
import { nodeModule } from './runtime.ts'

/** An attempt whose work is running. */
export interface ActiveAttempt {
  /** The id that the attempt and its span have. */
  readonly attempt_id: string
  readonly agent_name: string
  /** Sets fields that are known before the end, such as tokens. What `describe` or `end` says overrides them. Never throws. */
  set(fields: Omit<AttemptOutcome, 'success'>): void
}

export interface ActiveAttempts {
  /** Undefined outside of the work of an attempt, and in runtimes without `AsyncLocalStorage`. */
  current(): ActiveAttempt | undefined
  /** Runs the work of an attempt. Returns or throws exactly what `work` does. */
  within<Result>(attempt: ActiveAttempt, work: () => Result): Result
}

/**
 * Nothing is stored before the first call of `current`: before Node 24, an `AsyncLocalStorage` that is in use makes every promise of the process
 * slower. An adapter therefore calls it when it is made.
 */
export function createActiveAttempts(): ActiveAttempts {
  let storage: import('node:async_hooks').AsyncLocalStorage<ActiveAttempt> | undefined
  return {
    current: () => {
      const modules = storage === undefined ? nodeModule('node:async_hooks') : undefined
      if (modules !== undefined) storage = new modules.AsyncLocalStorage()
      return storage?.getStore()
    },
    within: (attempt, work) => (storage === undefined ? work() : storage.run(attempt, work)),
  }
}
