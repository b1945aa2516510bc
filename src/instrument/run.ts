/** Runs the caller's work once, in a context. Does not change what it returns or throws. */
import { type Context, context } from '@opentelemetry/api'
import type { Problems } from './problems.ts'

/** The result of calling the work. */
export type Ran<Result> =
  | { readonly threw: false; readonly result: Result }
  | { readonly threw: true; readonly error: unknown }

/** Runs `work` exactly once, inside `within` if possible. Runs it outside if the context manager throws. */
export function runOnce<Result>(work: () => Result, within: Context | undefined, problems: Problems): Ran<Result> {
  let ran: Ran<Result> | undefined
  const run = (): Ran<Result> => {
    if (ran !== undefined) return ran
    try {
      ran = { threw: false, result: work() }
    } catch (error) {
      ran = { threw: true, error }
    }
    return ran
  }
  if (within !== undefined) problems.guard('telemetry', () => context.with(within, run))
  return run()
}

/**
 * Calls one of the two callbacks once, when `result` resolves or rejects. Calls it at once if `result` is no promise. The callbacks must not
 * throw. This handles a rejection of `result`, so Node does not report it as unhandled, even if the caller ignores it.
 */
export function whenSettled<Result>(
  result: Result,
  fulfilled: (value: Awaited<Result>) => void,
  rejected: (error: unknown) => void,
): void {
  if (isThenable(result)) Promise.resolve(result).then(fulfilled, rejected)
  else fulfilled(result as Awaited<Result>)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return false
  }
}
