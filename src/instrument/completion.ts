/** Ends attempts whose work returned: at once, at the end of a stream, or when an asynchronous `describe` has judged it. */
import type { Delivery } from './delivery-queue.ts'
import { errorMessage } from './error-type.ts'
import type { Ending } from './follow/ending.ts'
import { follow } from './follow/follow.ts'
import { abortedOutcome, type Describe, describedOutcome, failedOutcome, type KnownOutcome } from './outcome.ts'
import type { Problems } from './problems.ts'
import type { StartedAttempt } from './recorder.ts'

const DEFAULT_WAIT_MS = 5_000

export interface Completion {
  /** Ends the attempt by the value that its work returned or resolved with. Never throws. */
  complete<Result>(attempt: StartedAttempt, value: Awaited<Result>, describe: Describe<Result> | undefined): void
  /** Ends the attempt now, by an outcome that may be known later. The promise must not reject. */
  end(attempt: StartedAttempt, outcome: KnownOutcome | Promise<KnownOutcome>): void
  /** The delivery, whose `flush` and `close` first wait for asynchronous `describe`s that are running. */
  awaitedBy(delivery: Delivery): Delivery
}

export function createCompletion(problems: Problems): Completion {
  const describing = new Set<Promise<void>>()
  // A stream that is neither read to its end nor cancelled is garbage some day.
  const collected = new FinalizationRegistry<StartedAttempt>(attempt => attempt.end(abortedOutcome))

  function end(attempt: StartedAttempt, outcome: KnownOutcome | Promise<KnownOutcome>): void {
    if (!(outcome instanceof Promise)) {
      attempt.end(() => outcome)
      return
    }
    attempt.stop()
    const described = outcome.then(known => {
      describing.delete(described)
      attempt.end(() => known)
    })
    describing.add(described)
  }

  return {
    complete: (attempt, value, describe) => {
      const judge = (): void => end(attempt, describedOutcome(value, describe, problems))
      if (follow(value, () => createEnding(attempt, judge))) collected.register(value as object, attempt)
      else judge()
    },
    end,
    awaitedBy: delivery => {
      const afterDescribing = (next: (timeoutMs?: number) => Promise<boolean>) => async (timeoutMs?: number) => {
        if (describing.size === 0) return await next(timeoutMs)
        const untilMs = performance.now() + (timeoutMs ?? DEFAULT_WAIT_MS)
        const described = await settledWithin(describing, untilMs - performance.now())
        return (await next(Math.max(0, untilMs - performance.now()))) && described
      }
      return { ...delivery, flush: afterDescribing(delivery.flush), close: afterDescribing(delivery.close) }
    },
  }
}

function createEnding(attempt: StartedAttempt, done: () => void): Ending {
  let isEnded = false
  const once = (end: () => void): void => {
    if (isEnded) return
    isEnded = true
    end()
  }
  return {
    done: () => once(done),
    failed: error => once(() => attempt.end(() => failedOutcome(error), errorMessage(error))),
    cancelled: () => once(() => attempt.end(abortedOutcome)),
  }
}

/** Resolves with true when all have resolved, or with false after the timeout. Keeps the process alive until then. */
async function settledWithin(promises: Iterable<Promise<void>>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  const inTime = await Promise.race([Promise.all(promises).then(() => true), late])
  clearTimeout(timer)
  return inTime
}
