/**
 * Long work in steps. An answer over thousands of keys takes longer than others should have to wait: what makes it yields where it may be
 * paused, and whoever runs it decides whether others have their turn there.
 */
import type { KeySummary } from './ports.ts'

/** Work that may be paused at every yield, each well below a millisecond from the one before, and returns what it made. */
export type Steps<T> = Generator<void, T>

/** All of the work at one go. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Work that is one step: it may have to wait for a turn. */
export function* oneStep<T>(work: () => T): Steps<T> {
  yield
  return work()
}

/** Keys that are read between two pauses where little is done for each. */
export const KEYS_AT_ONCE = 100

/**
 * Does `work` for each key that is in the list now, with pauses. Whoever has a turn in between may count attempts: what must fit together
 * is to be made of one reading of each key.
 */
export function* forEachKey<Key extends KeySummary>(
  summaries: readonly Key[],
  work: (one: Key, place: number) => void,
  atOnce: number = KEYS_AT_ONCE,
): Steps<void> {
  const count = summaries.length
  for (let i = 0; i < count; i++) {
    work(summaries[i]!, i)
    if ((i + 1) % atOnce === 0) yield
  }
}
