/** Counts by confidence in bins of equal width, whose upper bounds are inclusive. */
export interface ConfidenceCells {
  /** 100, 20 or 10 bins. */
  readonly failures: readonly number[]
  readonly successes: readonly number[]
}

/** The same counts in `length` bins: 100, 20 or 10, at most the number of bins now. */
export function coarser({ failures, successes }: ConfidenceCells, length: number): ConfidenceCells {
  const summed = (counts: readonly number[]): number[] => {
    const sums: number[] = Array(length).fill(0)
    for (let cell = 0; cell < counts.length; cell++) sums[Math.floor((cell * length) / counts.length)]! += counts[cell]!
    return sums
  }
  return { failures: summed(failures), successes: summed(successes) }
}

/** Zero counts, in bins of width 0.01. */
export const noCells = (): ConfidenceCells => ({ failures: Array(100).fill(0), successes: Array(100).fill(0) })

/** The sum of two counts, in the wider bins of the two. */
export function sumOfCells(a: ConfidenceCells, b: ConfidenceCells): ConfidenceCells {
  const length = Math.min(a.failures.length, b.failures.length)
  const [one, other] = [coarser(a, length), coarser(b, length)]
  return {
    failures: one.failures.map((count, cell) => count + other.failures[cell]!),
    successes: one.successes.map((count, cell) => count + other.successes[cell]!),
  }
}
