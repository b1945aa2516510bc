/** Suggests the name that a user may have meant. */

/** The known name with the least edit distance from `typed`, at most a third of its length. Undefined if there is none. */
export function nearest(typed: string, known: Iterable<string>): string | undefined {
  const shape = (name: string): string => name.toLowerCase().replaceAll('_', '-').slice(0, 100)
  const wanted = shape(typed)
  let best: string | undefined
  let least = Math.max(2, Math.ceil(wanted.length / 3)) + 1
  for (const name of known) {
    const steps = editDistance(wanted, shape(name))
    if (steps >= least) continue
    best = name
    least = steps
  }
  return best
}

/** The optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
