/**
 * Runs long computations without blocking the event loop, so that requests that record attempts are not delayed. All work of one
 * queue shares one time slice per iteration of the event loop: an iteration takes no longer with a hundred questions than with one.
 */
import { setImmediate as nextIteration } from 'node:timers/promises'
import type { StopSignal } from '../core/ports.ts'
import type { Steps } from '../core/steps.ts'

/**
 * How long one queue may block the event loop per iteration. A request that records waits for a few iterations: with 1 ms, the p99 of a POST
 * under `npm run test:pressure` was twice as long. With 0.1 ms it was no shorter.
 */
const TIME_SLICE_MS = 0.25

/** Runs steps and yields to the event loop between time slices. Rejects with the signal's reason if the signal aborts before the end. */
export type RunYielding = <T>(steps: Steps<T>, signal?: StopSignal) => Promise<T>

interface Job {
  /** Runs until the work is done, or until `endMs`. Returns whether it is done. */
  run(endMs: number): boolean
}

/** A queue whose jobs are served round-robin. All of them together get one time slice per iteration of the event loop. */
export function createWorkQueue(): RunYielding {
  const jobs: Job[] = []
  let usedMs = 0
  let isScheduled = false

  function work(): void {
    const startMs = performance.now()
    const endMs = startMs + TIME_SLICE_MS - usedMs
    let nowMs = startMs
    while (nowMs < endMs) {
      const job = jobs.shift()
      if (job === undefined) break
      if (!job.run(endMs)) jobs.push(job)
      nowMs = performance.now()
    }
    usedMs += nowMs - startMs
    if (isScheduled) return
    isScheduled = true
    setImmediate(beginIteration)
  }

  function beginIteration(): void {
    isScheduled = false
    usedMs = 0
    if (jobs.length > 0) work()
  }

  return (steps, signal) =>
    new Promise((resolve, reject) => {
      jobs.push(createJob(steps, signal, resolve, reject))
      // Short work completes at once while the time slice of this iteration lasts.
      if (jobs.length === 1 && usedMs < TIME_SLICE_MS) work()
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
        // Runs the generator's `finally` blocks.
        steps.return(undefined as T)
        return true
      }
    },
  }
}

/** The queue of questions. Resolves with the value that `steps` returns. */
export const runYielding: RunYielding = createWorkQueue()

/** The queue of scrapes. It is separate, so that many questions cannot delay monitoring. */
export const runScrapeYielding: RunYielding = createWorkQueue()

/** Runs `steps` outside the shared queues, for work of which only one runs at a time: questions neither slow it down nor wait for it. */
export async function runYieldingAlone<T>(steps: Steps<T>): Promise<T> {
  const yieldToEventLoop = createEventLoopYield()
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await yieldToEventLoop()
  }
}

/**
 * A yield for loops that await. Awaits of resolved promises continue as microtasks and never let the event loop continue. Each call
 * of the returned function yields to the event loop if a time slice has passed since the last yield.
 */
export function createEventLoopYield(): () => Promise<void> {
  let startMs = performance.now()
  return async () => {
    if (performance.now() - startMs < TIME_SLICE_MS) return
    await nextIteration()
    startMs = performance.now()
  }
}
