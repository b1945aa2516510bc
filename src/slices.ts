/** Long work in slices, so that the event loop stays free for what comes in. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Steps } from './core/steps.ts'

/** How long the event loop may be held at a stretch: an answer is made of a few of these before it is sent. */
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
