/** Long work in slices, so that the event loop stays free for what comes in. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Steps } from './core/steps.ts'

/** How long the event loop may be held at a stretch: whoever waits for an answer mostly waits for a few of these. */
const SLICE_MS = 1

/** Runs through `steps`, lets the event loop turn whenever a slice of time is used up, and answers what they return. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  let startMs = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() - startMs < SLICE_MS) continue
    await nextTurn()
    startMs = performance.now()
  }
}

/** All that `values` yields, made in slices. */
export async function collect<T>(values: Iterable<T>): Promise<T[]> {
  const collected: T[] = []
  function* steps(): Steps<void> {
    for (const value of values) {
      collected.push(value)
      yield
    }
  }
  await inSlices(steps())
  return collected
}

/**
 * A pause for work that awaits: what it awaits may be at hand, and then the event loop does not turn, however often that is. Each call lets
 * it turn when a slice of time is used up since the last time.
 */
export function createPause(): () => Promise<void> {
  let startMs = performance.now()
  return async () => {
    if (performance.now() - startMs < SLICE_MS) return
    await nextTurn()
    startMs = performance.now()
  }
}
