/** The shared instrumentation of a coordinator. {@link Instrumentation} documents each function. */
import { createInstrumentation, type Instrumentation } from './instrumentation.ts'

/**
 * One per process, also where a program both imports and requires the package: what one form delivers to is then the target of both. The
 * number changes with the members of {@link Instrumentation}.
 */
const KEY = Symbol.for('agent-performance.instrumentation.2')
const globals = globalThis as { [KEY]?: Instrumentation }
globals[KEY] ??= createInstrumentation()
const shared = globals[KEY]

/** The instrumentation that the functions below are of. Adapters use it where they are given no other. */
export const sharedInstrumentation: Instrumentation = shared

/** Runs work as one attempt. Returns or throws exactly what the work does. */
export const trackAttempt: Instrumentation['trackAttempt'] = shared.trackAttempt
/** Wraps a function so that every call is one attempt. */
export const instrumentAgent: Instrumentation['instrumentAgent'] = shared.instrumentAgent
/** Starts an attempt whose end only the caller knows. */
export const startAttempt: Instrumentation['startAttempt'] = shared.startAttempt
/** The attempt whose work calls this, if it does. */
export const activeAttempt: Instrumentation['activeAttempt'] = shared.activeAttempt
/** Records an attempt that was measured elsewhere. Never throws. */
export const recordAttempt: Instrumentation['recordAttempt'] = shared.recordAttempt
/** Records a result of an attempt that became known later. Never throws. */
export const recordOutcome: Instrumentation['recordOutcome'] = shared.recordOutcome
/** Starts the delivery of attempts to a sidecar's URL or to a tracker in this process. Before that, they are only emitted as telemetry. */
export const deliverTo: Instrumentation['deliverTo'] = shared.deliverTo
/** Sets who receives problems, and which failed attempts are left out. */
export const configureInstrumentation: Instrumentation['configure'] = shared.configure
/** Counts of the problems of the functions above. */
export const instrumentationProblems: Instrumentation['problems'] = shared.problems
