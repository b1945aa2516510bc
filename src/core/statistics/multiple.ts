import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'

/**
 * Holm-adjusted p-values, 0 to 1, in the order given. Rejecting those <= α has a family-wise error rate of at most α, for
 * any dependence of the tests. `family` is the number of hypotheses if the data selected these p-values from a larger
 * family. They are then adjusted at least as much as in the whole family.
 * Source: S. Holm, Scand. J. Stat. 6 (1979).
 */
export function holm(pValues: readonly number[], family: number = pValues.length): number[] {
  return runToCompletion(holmSteps(pValues, family))
}

/** {@link holm} in steps. */
export function* holmSteps(pValues: readonly number[], family: number = pValues.length): Steps<number[]> {
  const indexes = pValues.map((_, index) => index)
  const order = yield* sortedSteps(indexes, (a, b) => pValues[a]! - pValues[b]!)
  const adjusted = new Array<number>(pValues.length).fill(1)
  let highest = 0
  for (const [rank, index] of order.entries()) {
    highest = Math.max(highest, Math.min(1, pValues[index]! * (family - rank)))
    adjusted[index] = highest
  }
  return adjusted
}
