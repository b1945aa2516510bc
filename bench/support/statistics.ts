/** Medians over rounds, and ratios within a round: the clock speed of a shared machine drifts between rounds. */

/** The `p` quantile (0 to 1) of sorted numbers. NaN if there are none. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Median, minimum and maximum over rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(numbers: readonly number[]): Spread {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) }
}

/** The spread of the ratios of two figures, each ratio within one round. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): Spread {
  return spread(numerators.map((numerator, round) => numerator / denominators[round]!))
}

/** The measurements of a round, by name. */
export type Contenders<Name extends string, Figure> = { readonly [Each in Name]: () => Promise<Figure> }

/** Runs all measurements in every round, and starts each round with another one. Resolves with the figures by name, in round order. */
export async function interleave<Name extends string, Figure>(
  rounds: number,
  contenders: Contenders<Name, Figure>,
): Promise<Record<Name, Figure[]>> {
  const names = Object.keys(contenders) as Name[]
  const figures = Object.fromEntries(names.map(name => [name, []])) as unknown as Record<Name, Figure[]>
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      figures[name].push(await contenders[name]())
    }
  }
  return figures
}
