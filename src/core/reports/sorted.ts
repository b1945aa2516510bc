/** Sorting in steps. Sorting 10,000 items at once would block the event loop for tens of milliseconds. */
import type { Steps } from '../steps.ts'

/** Items sorted or merged between two yields. */
const ITEMS_PER_STEP = 500

/** A stable sort with the result of `toSorted`. */
export function* sortedSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  let runs: T[][] = []
  for (let from = 0; from < items.length; from += ITEMS_PER_STEP) {
    runs.push(items.slice(from, from + ITEMS_PER_STEP).sort(compare))
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
    if (merged.length % ITEMS_PER_STEP === 0) yield
  }
  return merged
}

/** Compares names by UTF-16 code units, as `sort()` does by default. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
