import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'

/**
 * P-values adjusted so that calling those <= α real errs anywhere in the family with probability at most α, however the
 * questions hang together. In the order given; 0 to 1. Where these are some of a larger `family` of questions, chosen by
 * the data, they are adjusted at least as much as the whole family would adjust them.
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
