/** The attempt of a run that a framework reports: one of its own, or the attempt that the run is a part of. */
import {
  type ActiveAttempt,
  type AttemptLabels,
  type AttemptOutcome,
  type Instrumentation,
  sharedInstrumentation,
} from '../index.ts'
import { answeredModel, createUsageSum, type ModelCall, type UsageSum } from './usage.ts'

/** What an adapter can be told. `Run` is what the framework reports of a run. */
export interface AdapterOptions<Run> {
  /**
   * Labels of each attempt, or a function of the run that starts. They replace the agent and the model that the framework reports. Without an
   * `issue_type` it is `unknown`.
   */
  readonly labels?: Partial<AttemptLabels> | ((run: Run) => Partial<AttemptLabels>) | undefined
  /** Derives the outcome of a run that completed. Without it, or where it says no `success`, such a run is a success. */
  readonly describe?: ((run: Run) => AttemptOutcome | PromiseLike<AttemptOutcome>) | undefined
  /** By default the one that `deliverTo` and `configureInstrumentation` are of. */
  readonly instrumentation?: Instrumentation | undefined
}

/** A run that goes on. The first of `complete`, `fail` and `cancel` counts. None of them throws. A run without any is not recorded. */
export interface ReportedRun<Run> {
  /** Counts one model call to the run. */
  call(call: ModelCall): void
  /** Sets fields that the framework states, such as the cost. */
  set(fields: Omit<AttemptOutcome, 'success'>): void
  complete(run: Run, outcome?: AttemptOutcome): void
  fail(error: unknown): void
  cancel(): void
  /** Runs a part of the run, so that its spans are children of the attempt's span. */
  run<Result>(work: () => Result): Result
}

export interface Adapter<Run> {
  /** Starts a run. If its agent is that of the active attempt, it is a part of that attempt, and tells it its model and its tokens. */
  start(run: Run, reported: Partial<AttemptLabels>): ReportedRun<Run>
  /** The run of the attempt whose work calls this, of whatever agent. */
  active(): ReportedRun<Run> | undefined
  /** The same function, but one that never throws: the framework must go on. */
  guarded<Args extends unknown[]>(step: (...args: Args) => void): (...args: Args) => void
  /** Says something once. */
  sayOnce(message: string): void
}

const UNKNOWN = 'unknown'
/** Messages that are remembered, so that each is said once. Later ones are not said. */
const MAX_SAID = 100

/** By attempt, because several runs may be part of one. */
const sums = new WeakMap<ActiveAttempt, UsageSum>()

/** Creates what the adapters of all frameworks have in common. `name` is the adapter's, for messages. */
export function createAdapter<Run>(name: string, options: AdapterOptions<Run>): Adapter<Run> {
  const { labels, describe, instrumentation = sharedInstrumentation } = options
  const said = new Set<string>()
  // From the first call on, work knows its attempt.
  instrumentation.activeAttempt()

  const sayOnce = (message: string): void => {
    if (said.has(message) || said.size >= MAX_SAID) return
    said.add(message)
    instrumentation.sayProblem(() => `${name}: ${message}`)
  }

  function ownLabels(run: Run): Partial<AttemptLabels> {
    if (typeof labels !== 'function') return labels ?? {}
    try {
      return labels(run)
    } catch (error) {
      sayOnce(`the function of the labels threw: ${error}`)
      return {}
    }
  }

  function startOwn(startLabels: AttemptLabels): ReportedRun<Run> {
    const attempt = instrumentation.startAttempt(startLabels)
    return {
      call: callOf(attempt, startLabels.model_name),
      set: attempt.set,
      complete: (run, outcome = {}) => attempt.end(describe === undefined ? outcome : judged(describe, run, outcome)),
      fail: attempt.fail,
      cancel: attempt.cancel,
      run: attempt.run,
    }
  }

  return {
    start: (run, reported) => {
      const known = { agent_name: UNKNOWN, model_name: UNKNOWN, issue_type: UNKNOWN }
      const startLabels = { ...known, ...stated(reported), ...stated(ownLabels(run)) }
      const active = instrumentation.activeAttempt()
      return active?.agent_name === startLabels.agent_name ? partOf(active) : startOwn(startLabels)
    },
    active: () => {
      const active = instrumentation.activeAttempt()
      return active && partOf(active)
    },
    guarded:
      step =>
      (...args) => {
        try {
          step(...args)
        } catch (error) {
          sayOnce(`a run is not recorded: ${error}`)
        }
      },
    sayOnce,
  }
}

/** A run within an attempt of the same agent. It adds to that attempt, and does not end it. */
function partOf<Run>(attempt: ActiveAttempt): ReportedRun<Run> {
  const nothing = (): void => undefined
  return {
    call: callOf(attempt),
    set: attempt.set,
    complete: nothing,
    fail: nothing,
    cancel: nothing,
    run: work => work(),
  }
}

/** `asked` is the model of the labels. */
function callOf(attempt: ActiveAttempt, asked?: string): (call: ModelCall) => void {
  return call => {
    const sum = sums.get(attempt) ?? createUsageSum()
    sums.set(attempt, sum)
    sum.add({ ...call, model: call.model === undefined ? undefined : answeredModel([asked], call.model) })
    attempt.set(sum.usage())
  }
}

/** The outcome from `describe`, whose fields replace those from the framework. Rejects if `describe` throws or returns no object. */
export async function judged<Run>(
  describe: (run: Run) => AttemptOutcome | PromiseLike<AttemptOutcome>,
  run: Run,
  outcome: AttemptOutcome,
): Promise<AttemptOutcome> {
  const said = await describe(run)
  if (typeof said !== 'object' || said === null) throw new TypeError('an outcome must be an object')
  return { ...outcome, ...said }
}

function stated<Labels extends object>(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined)) as Labels
}
