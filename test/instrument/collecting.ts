/** An instrumentation whose attempts can be looked at the moment they end. */
import {
  createInstrumentation,
  type Delivery,
  type Instrumentation,
  type InstrumentationOptions,
  type NewAttempt,
  type Outcome,
} from '../../src/index.ts'

export interface Collecting {
  readonly instrumentation: Instrumentation
  readonly attempts: readonly NewAttempt[]
  readonly outcomes: readonly Outcome[]
}

/** Problems are counted only, unless the options say otherwise. */
export function collecting(options: InstrumentationOptions = {}): Collecting {
  const attempts: NewAttempt[] = []
  const outcomes: Outcome[] = []
  const delivery: Delivery = {
    add: attempt => void attempts.push(attempt),
    addOutcome: outcome => void outcomes.push(outcome),
    flush: async () => true,
    close: async () => true,
    stats: () => {
      throw new Error('not asked for')
    },
  }
  return { instrumentation: createInstrumentation({ onProblem: () => {}, ...options, delivery }), attempts, outcomes }
}
