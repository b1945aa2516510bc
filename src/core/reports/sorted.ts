/** Sorting in steps: to sort ten thousand at once takes tens of milliseconds. */
import type { Steps } from '../steps.ts'

/** What is sorted, or merged, between two pauses. */
const AT_ONCE = 500

/** The items in order, as `toSorted` has them: equals stay in the order given. */
export function* sortedSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  let runs: T[][] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    runs.push(items.slice(from, from + AT_ONCE).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      const [left, right] = [runs[i]!, runs[i + 1]]
      merged.push(right === undefined ? left : yield* mergeSteps(left, right, compare))
    }
    runs = merged
  }
  return runs[0] ?? []
}

function* mergeSteps<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  const merged: T[] = []
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const takesLeft = r === right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0)
    merged.push(takesLeft ? left[l++]! : right[r++]!)
    if (merged.length % AT_ONCE === 0) yield
  }
  return merged
}

/** Names in the order of `sort()` without a function: by their UTF-16 units. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
