/** The instrumentation of a coordinator: wraps work, emits OpenTelemetry, delivers attempts. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { createDelivery, type DeliveryOptions, type DeliveryTarget } from './delivery.ts'
import type { Delivery } from './delivery-queue.ts'
import { type Describe, describedOutcome, errorMessage, failedOutcome } from './outcome.ts'
import { createProblems, type ProblemCounts } from './problems.ts'
import { type AttemptLabels, createRecorder } from './recorder.ts'
import { runOnce, whenSettled } from './run.ts'

/** Unless documented otherwise, no function throws or rejects by itself, or changes the result of the work. */
export interface Instrumentation {
  /**
   * Runs `work` as one attempt. Returns or throws exactly what `work` does, including the same promise object. Work that throws, rejects or
   * is aborted is a failed attempt. For any other, `describe` derives the outcome. This handles a rejection of the promise, so Node does not
   * report it as unhandled. Await a lazy thenable, which starts again with every `then`, inside `work`.
   */
  trackAttempt<Result>(labels: AttemptLabels, work: () => Result, describe?: Describe<Result>): Result
  /** Wraps `fn` so that every call is one attempt. Passes `this` on. The labels may be a function of the arguments. */
  instrumentAgent<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
    labels: AttemptLabels | ((...args: Args) => AttemptLabels),
    describe?: Describe<Result>,
  ): (this: This, ...args: Args) => Result
  /** Records an attempt that was measured elsewhere and has just ended, or ended at its `timestamp`. */
  recordAttempt(attempt: NewAttempt): void
  /**
   * Delivers every attempt that ends from now on to a sidecar's URL, or to a tracker in this process. After another call, later attempts go
   * to the new target. The previous delivery continues with its queued attempts until it is closed. Close a delivery before the process
   * ends. Throws a `TypeError` on an invalid option.
   */
  deliverTo(to: DeliveryTarget, options?: DeliveryOptions): Delivery
  /** Counts of the problems so far. */
  problems(): ProblemCounts
}

/** Creates a separate instrumentation. Without a delivery, here or from `deliverTo`, it only emits OpenTelemetry. */
export function createInstrumentation(options: { readonly delivery?: Delivery } = {}): Instrumentation {
  const problems = createProblems()
  let { delivery } = options
  const recorder = createRecorder(problems, () => delivery)

  function track<Result>(labels: () => AttemptLabels, work: () => Result, describe?: Describe<Result>): Result {
    const attempt = recorder.start(labels)
    const fail = (error: unknown): void => attempt.end(() => failedOutcome(error), errorMessage(error))
    const ran = runOnce(work, attempt.context, problems)
    if (ran.threw) {
      fail(ran.error)
      throw ran.error
    }
    whenSettled(ran.result, value => attempt.end(() => describedOutcome(value, describe, problems)), fail)
    return ran.result
  }

  return {
    trackAttempt: (labels, work, describe) => track(() => labels, work, describe),
    instrumentAgent: (fn, labels, describe) =>
      likeness(fn, function (...args) {
        const own = () => (typeof labels === 'function' ? labels(...args) : labels)
        return track(own, () => fn.apply(this, args), describe)
      }),
    recordAttempt: recorder.record,
    deliverTo: (to, deliveryOptions) => {
      delivery = createDelivery(to, deliveryOptions)
      return delivery
    },
    problems: problems.counts,
  }
}

/** Gives `wrapper` the name and the arity of `fn`, because some coordinators inspect them. */
function likeness<Wrapper extends object>(
  fn: { readonly name: string; readonly length: number },
  wrapper: Wrapper,
): Wrapper {
  return Object.defineProperties(wrapper, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
}
