/**
 * A sketch of the tasks of a summary: the {@link MAX_TASKS} tasks with the smallest hashes, with the exact attempts and successes of each.
 * Up to that many tasks it is complete. Beyond, it is a uniform sample of the tasks. Two sketches of the same tasks hold the same sample,
 * so that groups can be compared task by task. `merge` is exact, commutative and associative. Reason: a task among the smallest hashes of a
 * union is among the smallest of every part that has it. No part has therefore dropped any of its attempts.
 * Source: bottom-k sketches, E. Cohen and H. Kaplan, PODC (2007).
 */

/** Tasks of one sketch. Its memory is at most 3 KB. The sample error of a design effect is then about 9 %. */
export const MAX_TASKS = 256

/** Columns of an entry: 32-bit hash of the task id, attempts, successes. Entries are ordered by hash. */
export const TASK_COLUMNS = 3

/** The meaning of stored entries. A change of the limit, the columns or the hash must change it. */
export const TASK_LAYOUT: string = `bottom-${MAX_TASKS} fnv1a-fmix32 attempts successes`

export interface TaskSketch {
  /** Rows of {@link TASK_COLUMNS}. The memory after `size` rows is unused. */
  entries: Uint32Array
  /** The number of tasks in the sketch. */
  size: number
  /** All attempts that state a task, and the successes among them. Includes tasks that are not in the sketch. */
  attempts: number
  successes: number
}

/** 60 bytes: V8 allocates typed arrays of up to 64 bytes on its heap, which costs a fraction of those outside. */
const FIRST_ROOM = 5

/** The sketch of no attempts. Allocates memory with the first entry. */
export function createTaskSketch(): TaskSketch {
  return { entries: NO_ENTRIES, size: 0, attempts: 0, successes: 0 }
}

/** Shared and empty. It is replaced and never changed. */
const NO_ENTRIES = new Uint32Array(0)

/** Counts one attempt of the task. */
export function addTask(sketch: TaskSketch, taskId: string, success: boolean): void {
  sketch.attempts++
  if (success) sketch.successes++
  addEntry(sketch, hashOf(taskId), 1, success ? 1 : 0)
}

/** Moves one attempt of the task to the successes, or back to the failures. The sketch must count it. */
export function moveTask(sketch: TaskSketch, taskId: string, success: boolean): void {
  const by = success ? 1 : -1
  sketch.successes += by
  const hash = hashOf(taskId)
  const place = placeOf(sketch, hash)
  const at = place * TASK_COLUMNS
  if (place < sketch.size && sketch.entries[at] === hash) sketch.entries[at + 2]! += by
}

/** Adds the counts of `other` to `sketch`. */
export function mergeTasks(sketch: TaskSketch, other: TaskSketch): void {
  sketch.attempts += other.attempts
  sketch.successes += other.successes
  const { entries, size } = other
  withRoom(sketch, Math.max(sketch.size, size))
  for (let at = 0; at < size * TASK_COLUMNS; at += TASK_COLUMNS) {
    // Ordered by hash: if one is too large for a full sketch, all later ones are.
    if (!addEntry(sketch, entries[at]!, entries[at + 1]!, entries[at + 2]!)) return
  }
}

/** An independent copy. */
export function copyTasks({ entries, size, attempts, successes }: TaskSketch): TaskSketch {
  return { entries: entries.slice(0, size * TASK_COLUMNS), size, attempts, successes }
}

/** False if the sketch is full of smaller hashes. */
function addEntry(sketch: TaskSketch, hash: number, attempts: number, successes: number): boolean {
  const place = placeOf(sketch, hash)
  const at = place * TASK_COLUMNS
  if (place < sketch.size && sketch.entries[at] === hash) {
    sketch.entries[at + 1]! += attempts
    sketch.entries[at + 2]! += successes
    return true
  }
  if (place === MAX_TASKS) return false
  const kept = Math.min(sketch.size, MAX_TASKS - 1)
  const entries = withRoom(sketch, kept + 1)
  entries.copyWithin(at + TASK_COLUMNS, at, kept * TASK_COLUMNS)
  entries[at] = hash
  entries[at + 1] = attempts
  entries[at + 2] = successes
  sketch.size = kept + 1
  return true
}

/**
 * The index of the first entry whose hash is not smaller. Hashes are uniformly distributed, so interpolation search needs one or two cache
 * misses. A binary search needs six.
 */
function placeOf({ entries, size }: TaskSketch, hash: number): number {
  const last = size === 0 ? -1 : entries[(size - 1) * TASK_COLUMNS]!
  if (hash > last) return size
  let place = Math.trunc((hash / (last + 1)) * size)
  while (place > 0 && entries[(place - 1) * TASK_COLUMNS]! >= hash) place--
  while (entries[place * TASK_COLUMNS]! < hash) place++
  return place
}

/** The entries of the sketch, moved to larger memory if `count` do not fit. */
function withRoom(sketch: TaskSketch, count: number): Uint32Array {
  if (sketch.entries.length >= count * TASK_COLUMNS) return sketch.entries
  const room = Math.min(MAX_TASKS, Math.max(FIRST_ROOM, count, 2 * sketch.size))
  const larger = new Uint32Array(room * TASK_COLUMNS)
  larger.set(sketch.entries)
  sketch.entries = larger
  return larger
}

/**
 * A 32-bit hash of the id: FNV-1a over its UTF-16 units, then the finalizer of MurmurHash3, because ids often differ in their last
 * character only. Not seeded, because sidecars on one log must sample the same tasks. Two tasks with the same hash count as one. For one of
 * 256 tasks among 10,000 that has a probability of 0.06 %.
 */
function hashOf(taskId: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < taskId.length; i++) hash = Math.imul(hash ^ taskId.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
