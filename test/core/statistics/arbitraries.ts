import fc from 'fast-check'
import type { Counts } from '../../../src/core/statistics/counts.ts'

/** Whole counts, from no attempts to `most`, with all and none successful among them. */
export function counts(most = 500): fc.Arbitrary<Counts> {
  return fc
    .integer({ min: 0, max: most })
    .chain(attempts =>
      fc
        .oneof(fc.integer({ min: 0, max: attempts }), fc.constant(0), fc.constant(attempts))
        .map(successes => ({ successes, attempts })),
    )
}

/** A probability strictly between 0 and 1, as small and as large as matters. */
export const probability: fc.Arbitrary<number> = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true })
