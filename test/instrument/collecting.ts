/** An instrumentation whose attempts can be looked at the moment they end. */
import { createInstrumentation, type Delivery, type Instrumentation, type NewAttempt } from '../../src/index.ts'

export interface Collecting {
  readonly instrumentation: Instrumentation
  readonly attempts: readonly NewAttempt[]
}

export function collecting(): Collecting {
  const attempts: NewAttempt[] = []
  const delivery: Delivery = {
    add: attempt => void attempts.push(attempt),
    flush: async () => true,
    close: async () => true,
    stats: () => {
      throw new Error('not asked for')
    },
  }
  return { instrumentation: createInstrumentation({ delivery }), attempts }
}
