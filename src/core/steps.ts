/**
 * Interruptible computations. An answer over thousands of keys takes milliseconds. The computation yields where it may be interrupted. Its
 * caller either runs it to completion, or lets the event loop continue between steps.
 */
import type { KeySummary } from './ports.ts'

/** A computation that may be interrupted at every yield and returns its result. Each step takes well below a millisecond. */
export type Steps<T> = Generator<void, T>

/** Runs steps and lets others run in between. */
export type RunSteps = <T>(steps: Steps<T>) => Promise<T>

/** Runs all steps without interruption and returns the result. */
export function runToCompletion<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Work that is a single step. It yields first, so that a caller can schedule it. */
export function* oneStep<T>(work: () => T): Steps<T> {
  yield
  return work()
}

/** Keys processed between two yields if the work per key is small. */
export const KEYS_PER_STEP = 100

/**
 * Calls `work` for each key that is in the list now, and yields every `keysPerStep` keys. Attempts may be recorded between two steps:
 * figures that must be consistent with each other have to come from one read of each key.
 */
export function* forEachKey<Key extends KeySummary>(
  summaries: readonly Key[],
  work: (one: Key, index: number) => void,
  keysPerStep: number = KEYS_PER_STEP,
): Steps<void> {
  const count = summaries.length
  for (let i = 0; i < count; i++) {
    work(summaries[i]!, i)
    if ((i + 1) % keysPerStep === 0) yield
  }
}
