/** Runs the caller's work: once, in a context, and without changing what it returns or throws. */
import { type Context, context } from '@opentelemetry/api'
import type { Problems } from './problems.ts'

/** What a piece of work did when it was called. */
export type Ran<Result> =
  | { readonly threw: false; readonly result: Result }
  | { readonly threw: true; readonly error: unknown }

/** Runs `work` exactly once, inside `within` where that can be had. A context manager that throws costs the work nothing. */
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
 * Calls one of the two, once, when `result` is settled: at once where it is no promise, and as `await` would see it where it is one.
 * Neither may throw. The caller keeps `result` itself, so a rejection that nobody else handles is handled here.
 */
export function whenSettled<Result>(
  result: Result,
  fulfilled: (value: Awaited<Result>) => void,
  rejected: (error: unknown) => void,
): void {
  if (isThenable(result)) Promise.resolve(result).then(fulfilled, rejected)
  else fulfilled(result as Awaited<Result>)
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return false
  }
}
