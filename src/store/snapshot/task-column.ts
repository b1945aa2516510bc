/** The tasks of summaries in a block: the number of tasks of each summary, the totals, and the entries, one summary after the other. */
import type { Summary } from '../../core/aggregate/summary.ts'
import { TASK_COLUMNS, type TaskSketch } from '../../core/aggregate/task-sketch.ts'
import { type BlockReader, type BlockWriter, roomOf } from './block.ts'

/** An object with a summary: a key, an arm or a bucket. */
interface Summarized {
  readonly summary: Summary
}

/** Doubles per sketch: the totals. */
const TOTALS = 2
const WORD_BYTES = 4

/** The doubles that {@link putTasks} writes. */
export function roomOfTasks(owners: readonly Summarized[]): number {
  let room = roomOf(owners.length * WORD_BYTES)
  for (const { summary } of owners)
    if (summary.tasks !== undefined) room += TOTALS + roomOf(summary.tasks.size * TASK_COLUMNS * WORD_BYTES)
  return room
}

/** Writes the tasks of summaries, which may have none. */
export function putTasks(block: BlockWriter, owners: readonly Summarized[]): void {
  block.put(Uint32Array.from(owners, ({ summary }) => summary.tasks?.size ?? 0))
  for (const { summary } of owners) {
    const { tasks } = summary
    if (tasks === undefined) continue
    block.double(tasks.attempts)
    block.double(tasks.successes)
    block.put(tasks.entries.subarray(0, tasks.size * TASK_COLUMNS))
  }
}

/** Reads the tasks of `count` summaries that {@link putTasks} wrote. The sketches share no memory with the block. */
export function takeTasks(block: BlockReader, count: number): (TaskSketch | undefined)[] {
  const sizes = block.words(count)
  return Array.from(sizes, size => {
    if (size === 0) return undefined
    const [attempts, successes] = [block.double(), block.double()]
    return { entries: block.words(size * TASK_COLUMNS).slice(), size, attempts, successes }
  })
}
