/** The instrumentation of a coordinator: wraps work, emits OpenTelemetry, delivers attempts. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import { type ActiveAttempt, createActiveAttempts } from './active-attempt.ts'
import { createCompletion } from './completion.ts'
import { createDelivery, type DeliveryOptions, type DeliveryTarget } from './delivery.ts'
import type { Delivery } from './delivery-queue.ts'
import { errorMessage } from './error-type.ts'
import {
  type AttemptOutcome,
  abortedOutcome,
  type Describe,
  failedOutcome,
  saidOutcome,
  statedOutcome,
} from './outcome.ts'
import { createProblems, createSayProblem, type OnProblem, type ProblemCounts } from './problems.ts'
import { type AttemptLabels, createRecorder, type StartedAttempt } from './recorder.ts'
import { runOnce, whenSettled } from './run.ts'

/** An attempt that its caller ends. Only the first call of `end`, `fail` or `cancel` counts. None of them throws. */
export interface OpenAttempt extends ActiveAttempt {
  /** Runs a part of the work, so that its spans are children of the attempt's span. Returns or throws exactly what `work` does. */
  run<Result>(work: () => Result): Result
  /** Ends the attempt as a success, or by the outcome. The time ends now, also if a promise resolves with the outcome later. */
  end(outcome?: AttemptOutcome | PromiseLike<AttemptOutcome>): void
  /** Ends the attempt as failed, with the type of the error. */
  fail(error: unknown): void
  /** Ends the attempt as `aborted`: its caller stopped it. */
  cancel(): void
}

export interface InstrumentationOptions {
  /** Receives problems of the instrumentation and the delivery: the first of each source, then at most one a minute. By default `console.warn`. */
  readonly onProblem?: OnProblem | undefined
  /**
   * Failed attempts with one of these values of `error_type` are left out: they are not recorded, and not counted. `['aborted']` leaves out
   * work that its caller stopped, `['describe_failed']` work that could not be judged. None by default.
   */
  readonly omit?: readonly string[] | undefined
}

/** Unless documented otherwise, no function throws or rejects by itself, or changes the result of the work. */
export interface Instrumentation {
  /**
   * Runs `work` as one attempt. Returns or throws exactly what `work` does, including the same promise object. Work that throws, rejects or
   * is aborted is a failed attempt. For any other, `describe` derives the outcome. If the result is an iterator, a stream, a `Response` or a
   * stream of the AI SDK, the attempt ends when that is read to its end, fails, or is cancelled. This handles a rejection of the promise, so
   * Node does not report it as unhandled. Await a lazy thenable, which starts again with every `then`, inside `work`.
   */
  trackAttempt<Result>(labels: AttemptLabels, work: () => Result, describe?: Describe<Result>): Result
  /** Wraps `fn` so that every call is one attempt. Passes `this` on. The labels may be a function of the arguments. */
  instrumentAgent<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
    labels: AttemptLabels | ((...args: Args) => AttemptLabels),
    describe?: Describe<Result>,
  ): (this: This, ...args: Args) => Result
  /** Starts an attempt whose end only the caller knows. An attempt that is never ended is never recorded. */
  startAttempt(labels: AttemptLabels): OpenAttempt
  /**
   * The attempt whose work calls this, by `trackAttempt`, `instrumentAgent` or `run`. Undefined outside of one, in runtimes without
   * `AsyncLocalStorage`, and inside of work that began before the first call.
   */
  activeAttempt(): ActiveAttempt | undefined
  /** Records an attempt that was measured elsewhere and has just ended, or ended at its `timestamp`. */
  recordAttempt(attempt: NewAttempt): void
  /**
   * Records a result of an attempt that became known later, such as that of CI, a reviewer or production. It is delivered behind the attempts that
   * this process recorded before. An outcome of an attempt that the target does not store is dropped, and said.
   */
  recordOutcome(attemptId: string, outcome: Omit<Outcome, 'attempt_id'>): void
  /**
   * Delivers every attempt that ends from now on to a sidecar's URL, or to a tracker in this process. By default the URL and the token are
   * `AGENT_PERFORMANCE_URL` (else `http://127.0.0.1:9464`) and `AGENT_PERFORMANCE_TOKEN` of the environment. After another call, later
   * attempts go to the new target. The previous delivery continues with its queued attempts until it is closed. Close a delivery before the
   * process ends. `flush` and `close` wait for asynchronous `describe`s too. Throws a `TypeError` on an invalid option.
   */
  deliverTo(to?: DeliveryTarget, options?: DeliveryOptions): Delivery
  /** Changes the options that are stated, from now on. */
  configure(options: InstrumentationOptions): void
  /** Counts of the problems so far. */
  problems(): ProblemCounts
  /** Says a problem of an adapter. @internal */
  sayProblem(message: () => string): void
}

/** Creates a separate instrumentation. Without a delivery, here or from `deliverTo`, it only emits OpenTelemetry. */
export function createInstrumentation(
  options: InstrumentationOptions & { readonly delivery?: Delivery } = {},
): Instrumentation {
  let { delivery, onProblem, omit = [] } = options
  const say = createSayProblem(() => onProblem)
  const problems = createProblems(say)
  const recorder = createRecorder({
    problems,
    delivery: () => delivery,
    isOmitted: errorType => omit.includes(errorType),
  })
  const completion = createCompletion(problems)
  const active = createActiveAttempts()

  function activeBy({ id, agentName, set }: StartedAttempt): ActiveAttempt {
    return {
      attempt_id: id,
      agent_name: agentName,
      set: fields => set(problems.guard('describe', () => saidOutcome(fields, problems)) ?? {}),
    }
  }

  function runWithin<Result>(
    attempt: StartedAttempt,
    asActive: ActiveAttempt,
    work: () => Result,
    fail?: (error: unknown) => void,
  ): Result {
    const ran = active.within(asActive, () => runOnce(work, attempt.context, problems))
    if (!ran.threw) return ran.result
    fail?.(ran.error)
    throw ran.error
  }

  function track<Result>(labels: () => AttemptLabels, work: () => Result, describe?: Describe<Result>): Result {
    const attempt = recorder.start(labels)
    const fail = (error: unknown): void => endFailed(attempt, error)
    const result = runWithin(attempt, activeBy(attempt), work, fail)
    whenSettled(result, value => completion.complete(attempt, value, describe), fail)
    return result
  }

  return {
    trackAttempt: (labels, work, describe) => track(() => labels, work, describe),
    instrumentAgent: (fn, labels, describe) =>
      likeness(fn, function (...args) {
        const own = () => (typeof labels === 'function' ? labels(...args) : labels)
        return track(own, () => fn.apply(this, args), describe)
      }),
    startAttempt: labels => {
      const attempt = recorder.start(() => labels)
      const asActive = activeBy(attempt)
      let isEnded = false
      // An attempt that waits for its outcome has ended already.
      const once = (end: () => void): void => {
        if (isEnded) return
        isEnded = true
        end()
      }
      return {
        ...asActive,
        run: work => runWithin(attempt, asActive, work),
        end: (outcome = {}) => once(() => completion.end(attempt, statedOutcome(outcome, problems))),
        fail: error => once(() => endFailed(attempt, error)),
        cancel: () => once(() => attempt.end(abortedOutcome)),
      }
    },
    activeAttempt: active.current,
    recordAttempt: recorder.record,
    recordOutcome: recorder.recordOutcome,
    deliverTo: (to, deliveryOptions) => {
      delivery = completion.awaitedBy(
        createDelivery(to, { onProblem: problem => say(problem.source, () => problem.message), ...deliveryOptions }),
      )
      return delivery
    },
    configure: given => {
      if ('onProblem' in given) onProblem = given.onProblem
      omit = given.omit ?? omit
    },
    problems: problems.counts,
    sayProblem: message => say('adapter', message),
  }
}

function endFailed(attempt: StartedAttempt, error: unknown): void {
  attempt.end(() => failedOutcome(error), errorMessage(error))
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
