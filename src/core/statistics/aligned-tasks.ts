/** The tasks of two groups side by side. */
import { TASK_COLUMNS, type TaskSketch } from '../aggregate/task-sketch.ts'
import { sumTasks } from './clusters.ts'

/** One task: attempts and successes of the first group (n, s) and of the second (m, t). */
export interface AlignedTask {
  readonly n: number
  readonly s: number
  readonly m: number
  readonly t: number
}

/** The tasks of either sketch, in the range of hashes in which both sketches are complete. */
export function* alignedTasks(a: TaskSketch, b: TaskSketch): Generator<AlignedTask> {
  const end = Math.min(completeTo(a), completeTo(b))
  for (let i = 0, j = 0; i < a.size || j < b.size; ) {
    const [x, y] = [hashAt(a, i), hashAt(b, j)]
    if (Math.min(x, y) > end) return
    const [n, s] = x <= y ? countsAt(a, i++) : NOTHING
    const [m, t] = y <= x ? countsAt(b, j++) : NOTHING
    yield { n, s, m, t }
  }
}

/** Whether both groups ran one of the tasks. */
export function hasCommonTask(a: TaskSketch | undefined, b: TaskSketch | undefined): boolean {
  if (a === undefined || b === undefined) return false
  for (const { n, m } of alignedTasks(a, b)) if (n > 0 && m > 0) return true
  return false
}

const NOTHING = [0, 0] as const

const hashAt = ({ entries, size }: TaskSketch, index: number): number =>
  index < size ? entries[index * TASK_COLUMNS]! : Number.POSITIVE_INFINITY

const countsAt = ({ entries }: TaskSketch, index: number): readonly [number, number] => [
  entries[index * TASK_COLUMNS + 1]!,
  entries[index * TASK_COLUMNS + 2]!,
]

/** The largest hash up to which the sketch has every task. */
function completeTo(sketch: TaskSketch): number {
  const isComplete = sumTasks(sketch).n === sketch.attempts
  return isComplete ? Number.POSITIVE_INFINITY : hashAt(sketch, sketch.size - 1)
}
