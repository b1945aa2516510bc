/** Medians of rounds, and ratios that are formed inside a round: clocks of shared machines drift from one round to the next. */

/** The value below which the share `p` (0 to 1) of the sorted numbers lies; NaN for none. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median, least and greatest of some rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(numbers: readonly number[]): Spread {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) }
}

/** One number of each round over another of the same round. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): Spread {
  return spread(numerators.map((numerator, round) => numerator / denominators[round]!))
}

/** What is measured once in every round. */
export type Contenders<Name extends string, Figure> = { readonly [Each in Name]: () => Promise<Figure> }

/** Measures all of them in every round, each round beginning with another, and answers their figures round by round. */
export async function interleave<Name extends string, Figure>(
  rounds: number,
  contenders: Contenders<Name, Figure>,
): Promise<Record<Name, Figure[]>> {
  const names = Object.keys(contenders) as Name[]
  const figures = Object.fromEntries(names.map(name => [name, []])) as unknown as Record<Name, Figure[]>
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length]!
      figures[name].push(await contenders[name]())
    }
  }
  return figures
}
