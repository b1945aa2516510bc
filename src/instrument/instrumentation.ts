/** The instrumentation of a coordinator: wraps work, emits OpenTelemetry, delivers attempts. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { createDelivery, type DeliveryOptions, type DeliveryTarget } from './delivery.ts'
import type { Delivery } from './delivery-queue.ts'
import { type Describe, describedOutcome, errorMessage, failedOutcome } from './outcome.ts'
import { createProblems, type ProblemCounts } from './problems.ts'
import { type AttemptLabels, createRecorder } from './recorder.ts'
import { runOnce, whenSettled } from './run.ts'

/** Unless it says so, nothing here throws or rejects by itself, or changes what the work does. */
export interface Instrumentation {
  /**
   * Runs `work` as one attempt and returns, or throws, exactly what it does: the same promise where it returns one. Work that
   * throws, rejects or is aborted is a failed attempt; of any other, `describe` says what came of it. Since the promise is watched
   * here, a rejection that nobody else handles is not reported by Node. A thenable that starts anew with every `then` has to be
   * awaited inside `work`.
   */
  trackAttempt<Result>(labels: AttemptLabels, work: () => Result, describe?: Describe<Result>): Result
  /** A function like `fn`, `this` and all, of which every call is one attempt. The labels may follow from the arguments. */
  instrumentAgent<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
    labels: AttemptLabels | ((...args: Args) => AttemptLabels),
    describe?: Describe<Result>,
  ): (this: This, ...args: Args) => Result
  /** Records an attempt that was measured elsewhere and has just ended, or ended at its `timestamp`. */
  recordAttempt(attempt: NewAttempt): void
  /**
   * Delivers every attempt that ends from now on to a sidecar's URL, or to a tracker in this process. Called again, later attempts go
   * to the new target, and the delivery before keeps what it has until it is delivered or closed. Close it before the process ends.
   * Throws a `TypeError` where an option cannot be meant.
   */
  deliverTo(to: DeliveryTarget, options?: DeliveryOptions): Delivery
  /** What could not be used, or not be done, so far. */
  problems(): ProblemCounts
}

/** An instrumentation of its own. It emits OpenTelemetry only, until it is given a delivery, here or by `deliverTo`. */
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

/** Gives `wrapper` the name and the arity of `fn`, by which some coordinators choose. */
function likeness<Wrapper extends object>(
  fn: { readonly name: string; readonly length: number },
  wrapper: Wrapper,
): Wrapper {
  return Object.defineProperties(wrapper, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
}
