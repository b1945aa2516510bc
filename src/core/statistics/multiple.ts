/** Corrections for asking many questions of the same data. */

/**
 * P-values adjusted so that calling those <= α real errs anywhere in the family with probability at most α, however the
 * questions hang together. In the order given; 0 to 1. Where these are some of a larger `family` of questions, chosen by
 * the data, they are adjusted at least as much as the whole family would adjust them.
 * Source: S. Holm, Scand. J. Stat. 6 (1979).
 */
export function holm(pValues: readonly number[], family: number = pValues.length): number[] {
  const order = ascending(pValues)
  const adjusted = new Array<number>(pValues.length).fill(1)
  let highest = 0
  for (const [rank, index] of order.entries()) {
    highest = Math.max(highest, Math.min(1, pValues[index]! * (family - rank)))
    adjusted[index] = highest
  }
  return adjusted
}

/**
 * P-values adjusted so that of those called real at <= q, a share of at most q is expected to be false: for screening
 * many keys. In the order given; 0 to 1. Source: Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995).
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = ascending(pValues)
  const adjusted = new Array<number>(pValues.length).fill(1)
  let lowest = 1
  for (let rank = order.length - 1; rank >= 0; rank--) {
    const index = order[rank]!
    lowest = Math.min(lowest, (pValues[index]! * order.length) / (rank + 1))
    adjusted[index] = lowest
  }
  return adjusted
}

function ascending(values: readonly number[]): number[] {
  return values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!)
}
