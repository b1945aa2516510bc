/** The instrumentation that a coordinator shares: see {@link Instrumentation} for what each function promises. */
import { createInstrumentation, type Instrumentation } from './instrumentation.ts'

const shared: Instrumentation = createInstrumentation()

/** Runs work as one attempt, and returns or throws exactly what it does. */
export const trackAttempt: Instrumentation['trackAttempt'] = shared.trackAttempt
/** A function like the given one, of which every call is one attempt. */
export const instrumentAgent: Instrumentation['instrumentAgent'] = shared.instrumentAgent
/** Records an attempt that was measured elsewhere. Never throws. */
export const recordAttempt: Instrumentation['recordAttempt'] = shared.recordAttempt
/** Delivers attempts to a sidecar's URL or to a tracker in this process, from now on. Until then they are emitted only. */
export const deliverTo: Instrumentation['deliverTo'] = shared.deliverTo
/** What the functions above could not use, or not do, so far. */
export const instrumentationProblems: Instrumentation['problems'] = shared.problems
