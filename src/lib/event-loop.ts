/**
 * Long work in slices, so that the event loop stays free to record attempts. All work of one lane shares one slice per turn of the event
 * loop: a turn takes no longer beside a hundred questions than beside one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StopSignal } from '../core/ports.ts'
import type { Steps } from '../core/steps.ts'

/** How long one lane may hold the event loop in a turn. A request that records waits for a few turns. */
const SLICE_MS = 1

/** Runs work in slices. Rejects with the signal's reason where the signal aborts first; the work then stops at its next pause. */
export type Lane = <T>(steps: Steps<T>, signal?: StopSignal) => Promise<T>

interface Job {
  /** Runs until the work is done, or until `endMs`; says whether it is done. */
  run(endMs: number): boolean
}

/** A lane: its jobs take turns, and all of them together get one slice per turn of the event loop. */
export function createLane(): Lane {
  const jobs: Job[] = []
  let usedMs = 0
  let isTurnAwaited = false

  function work(): void {
    const startMs = performance.now()
    const endMs = startMs + SLICE_MS - usedMs
    let nowMs = startMs
    while (nowMs < endMs) {
      const job = jobs.shift()
      if (job === undefined) break
      if (!job.run(endMs)) jobs.push(job)
      nowMs = performance.now()
    }
    usedMs += nowMs - startMs
    if (isTurnAwaited) return
    isTurnAwaited = true
    setImmediate(beginTurn)
  }

  function beginTurn(): void {
    isTurnAwaited = false
    usedMs = 0
    if (jobs.length > 0) work()
  }

  return (steps, signal) =>
    new Promise((resolve, reject) => {
      jobs.push(createJob(steps, signal, resolve, reject))
      // Short work is done at once, as long as the slice of this turn is not used up.
      if (jobs.length === 1 && usedMs < SLICE_MS) work()
    })
}

function createJob<T>(
  steps: Steps<T>,
  signal: StopSignal | undefined,
  resolve: (value: T) => void,
  reject: (reason: unknown) => void,
): Job {
  return {
    run(endMs) {
      try {
        do {
          signal?.throwIfAborted()
          const step = steps.next()
          if (step.done === true) {
            resolve(step.value)
            return true
          }
        } while (performance.now() < endMs)
        return false
      } catch (error) {
        reject(error)
        // Runs what the work has in `finally`.
        steps.return(undefined as T)
        return true
      }
    },
  }
}

/** The lane of questions: runs through `steps` and resolves with what they return. */
export const inSlices: Lane = createLane()

/** The lane of scrapes: however many questions are asked, the monitoring gets its share. */
export const inScrapeSlices: Lane = createLane()

/** Runs `steps` at a pace of their own, for work of which there is one at a time: questions neither slow it down nor wait for it. */
export async function atOwnPace<T>(steps: Steps<T>): Promise<T> {
  const pause = createPause()
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await pause()
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
