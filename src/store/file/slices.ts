/** Long work in slices, so that the event loop stays free for what comes in. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long the event loop may be held at a stretch. */
const SLICE_MS = 2

/** Runs through `steps`, lets the event loop turn whenever a slice of time is used up, and answers what they return. */
export async function inSlices<T>(steps: Generator<unknown, T>): Promise<T> {
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
  function* steps(): Generator<void> {
    for (const value of values) {
      collected.push(value)
      yield
    }
  }
  await inSlices(steps())
  return collected
}
