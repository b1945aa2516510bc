import fc from 'fast-check'
import type { Counts } from '../../../src/core/statistics/counts.ts'

/** Integer counts from 0 to `max` attempts. Often all or none of the attempts succeed. */
export function counts(max = 500): fc.Arbitrary<Counts> {
  return fc
    .integer({ min: 0, max })
    .chain(attempts =>
      fc
        .oneof(fc.integer({ min: 0, max: attempts }), fc.constant(0), fc.constant(attempts))
        .map(successes => ({ successes, attempts })),
    )
}

/** A probability strictly between 0 and 1, at least 1e-9 away from both. */
export const probability: fc.Arbitrary<number> = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true })
