/** The shared instrumentation of a coordinator. {@link Instrumentation} documents each function. */
import { createInstrumentation, type Instrumentation } from './instrumentation.ts'

const shared: Instrumentation = createInstrumentation()

/** Runs work as one attempt. Returns or throws exactly what the work does. */
export const trackAttempt: Instrumentation['trackAttempt'] = shared.trackAttempt
/** Wraps a function so that every call is one attempt. */
export const instrumentAgent: Instrumentation['instrumentAgent'] = shared.instrumentAgent
/** Records an attempt that was measured elsewhere. Never throws. */
export const recordAttempt: Instrumentation['recordAttempt'] = shared.recordAttempt
/** Starts the delivery of attempts to a sidecar's URL or to a tracker in this process. Before that, they are only emitted as telemetry. */
export const deliverTo: Instrumentation['deliverTo'] = shared.deliverTo
/** Counts of the problems of the functions above. */
export const instrumentationProblems: Instrumentation['problems'] = shared.problems
