import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addTask,
  copyTasks,
  createTaskSketch,
  MAX_TASKS,
  mergeTasks,
  TASK_COLUMNS,
  type TaskSketch,
} from '../../../src/core/aggregate/task-sketch.ts'

interface Run {
  readonly task: string
  readonly success: boolean
}

function sketchOf(runs: readonly Run[]): TaskSketch {
  const sketch = createTaskSketch()
  for (const { task, success } of runs) addTask(sketch, task, success)
  return sketch
}

function merged(...sketches: readonly TaskSketch[]): TaskSketch {
  const all = createTaskSketch()
  for (const sketch of sketches) mergeTasks(all, sketch)
  return copyTasks(all)
}

/** The hash of one task. */
const hashOf = (task: string): number => sketchOf([{ task, success: true }]).entries[0]!

/** What a sketch must hold: the tasks with the smallest hashes, with all their attempts and successes. */
function expected(runs: readonly Run[]): number[] {
  const tasks = new Map<string, [hash: number, attempts: number, successes: number]>()
  for (const { task, success } of runs) {
    const counts = tasks.get(task) ?? [hashOf(task), 0, 0]
    tasks.set(task, counts)
    counts[1]++
    if (success) counts[2]++
  }
  return [...tasks.values()]
    .sort((a, b) => a[0] - b[0])
    .slice(0, MAX_TASKS)
    .flat()
}

const entriesOf = ({ entries, size }: TaskSketch): number[] => [...entries.subarray(0, size * TASK_COLUMNS)]

/** Runs of few tasks or of a thousand, which is more than a sketch holds. */
const runs: fc.Arbitrary<readonly Run[]> = fc
  .tuple(fc.constantFrom(5, 1000), fc.integer({ min: 0, max: 1500 }), fc.integer())
  .map(([tasks, length, seed]) =>
    Array.from({ length }, (_, i) => {
      const random = Math.imul(i ^ seed, 0x9e3779b1) >>> 0
      return { task: `task-${random % tasks}`, success: ((random / tasks) & 1) === 1 }
    }),
  )
const few = { numRuns: 40 }

describe('a task sketch', () => {
  test('holds the tasks with the smallest hashes, with all their attempts and successes, and the totals of all tasks', () => {
    fc.assert(
      fc.property(runs, list => {
        const sketch = sketchOf(list)
        expect(entriesOf(sketch)).toEqual(expected(list))
        expect(sketch.attempts).toBe(list.length)
        expect(sketch.successes).toBe(list.filter(({ success }) => success).length)
      }),
      few,
    )
  })

  test('of parts merged is that of all attempts, in whatever order and however it is bracketed', () => {
    fc.assert(
      fc.property(runs, runs, runs, (a, b, c) => {
        const all = copyTasks(sketchOf([...a, ...b, ...c]))
        const [x, y, z] = [sketchOf(a), sketchOf(b), sketchOf(c)]
        expect(merged(x, y, z)).toEqual(all)
        expect(merged(z, merged(y, x))).toEqual(all)
        expect(merged(merged(x, z), y)).toEqual(all)
      }),
      few,
    )
  })

  test('samples tasks evenly, also if their ids differ in the last characters only', () => {
    const all = Array.from({ length: 10_000 }, (_, i) => ({ task: `issue-${i}`, success: true }))
    const sampled = sketchOf(all)
    const held = all.filter(({ task }) => entriesOf(sampled).includes(hashOf(task)))
    // Of 256 tasks a fourth, give or take four standard errors, is in each quarter of the list.
    for (let quarter = 0; quarter < 4; quarter++) {
      const inside = held.filter(({ task }) => Math.floor(Number(task.slice(6)) / 2500) === quarter)
      expect(Math.abs(inside.length - 64)).toBeLessThan(28)
    }
  })

  test('takes at most 3 KB, however many tasks come', () => {
    const sketch = sketchOf(Array.from({ length: 100_000 }, (_, i) => ({ task: `${i}`, success: false })))
    expect(sketch.entries.byteLength).toBe(3072)
  })

  test('a copy does not change with it', () => {
    const sketch = sketchOf([{ task: 'a', success: true }])
    const copy = copyTasks(sketch)
    addTask(sketch, 'a', true)
    expect(entriesOf(copy)).toEqual([hashOf('a'), 1, 1])
  })
})
