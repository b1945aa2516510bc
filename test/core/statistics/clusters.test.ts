import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addTask, createTaskSketch, type TaskSketch } from '../../../src/core/aggregate/task-sketch.ts'
import { clusteredCounts, clusteringOf, type TaskCounts } from '../../../src/core/statistics/clusters.ts'
import { comparedCounts, taskDifference } from '../../../src/core/statistics/compared-tasks.ts'
import { type Counts, effectiveCounts } from '../../../src/core/statistics/counts.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'
import { cells, names } from '../../statistics/terminal-bench.ts'

/** The attempts and successes of one task. */
type Task = readonly [attempts: number, successes: number]

/** Counts of tasks that are named by their place in the list, and of single attempts. */
function countsOf(tasks: readonly Task[], singles: Counts = { successes: 0, attempts: 0 }): TaskCounts {
  const sketch = createTaskSketch()
  for (const [i, [attempts, successes]] of tasks.entries())
    for (let run = 0; run < attempts; run++) addTask(sketch, `task ${i}`, run < successes)
  return withTasks(singles, sketch)
}

function withTasks(singles: Counts, tasks: TaskSketch): TaskCounts {
  const counts = {
    successes: singles.successes + tasks.successes,
    attempts: singles.attempts + tasks.attempts,
  }
  return { ...clusteredCounts(counts, tasks), tasks }
}

const task: fc.Arbitrary<Task> = fc
  .integer({ min: 1, max: 20 })
  .chain(attempts => fc.tuple(fc.constant(attempts), fc.integer({ min: 0, max: attempts })))
const tasks = fc.array(task, { minLength: 1, maxLength: 50 })
const singles = fc
  .integer({ min: 0, max: 30 })
  .chain(attempts => fc.integer({ min: 0, max: attempts }).map(successes => ({ successes, attempts })))

describe('the effective number of attempts', () => {
  test('is absent where no attempt states a task, and where no task repeats', () => {
    expect(clusteringOf({ successes: 3, attempts: 5 }, undefined)).toBeUndefined()
    expect(
      countsOf([
        [1, 1],
        [1, 0],
        [1, 1],
      ]),
    ).not.toHaveProperty('effective_attempts')
  })

  test('of one task is 1, however many runs it has: nothing is known of other tasks', () => {
    for (const each of [
      [2, 1],
      [50, 50],
      [50, 25],
      [1000, 3],
    ] as const)
      expect(countsOf([each])).toMatchObject({ clusters: 1, effective_attempts: 1 })
  })

  test('of tasks whose runs all agree is the number of tasks', () => {
    const counts = countsOf(Array.from({ length: 40 }, (_, i): Task => [10, i % 2 === 0 ? 10 : 0]))
    expect(counts.clusters).toBe(40)
    expect(counts.effective_attempts).toBeCloseTo(40, 9)
  })

  test('is near the number of attempts where tasks do not differ', () => {
    const counts = countsOf(
      Array.from({ length: 100 }, (): Task => [2, 1]),
      { successes: 40, attempts: 80 },
    )
    expect(counts).toMatchObject({ clusters: 180, effective_attempts: 280 })
  })

  test('is n divided by the design effect of Rao and Scott, with half a task of either result in it', () => {
    // By hand: tasks 4/4, 2/4, 0/4 and a pseudo task of 4 with 2 of either kind, n = 12 + 4, rate = 1/2.
    // Residuals 2, 0, -2 and half of 2 and -2: 4 + 0 + 4 + 2 + 2 = 12. C = 3 + 1. deff = 4/3 * 12 / (16 / 4) = 4.
    expect(
      countsOf([
        [4, 4],
        [4, 2],
        [4, 0],
      ]),
    ).toMatchObject({ clusters: 3, effective_attempts: 3 })
    // Tasks 4/4, 2/4, 2/4, 0/4: n = 20, residuals 4 + 0 + 0 + 4 + 2 + 2 = 12, C = 5. deff = 5/4 * 12 / 5 = 3.
    const { effective_attempts } = countsOf([
      [4, 4],
      [4, 2],
      [4, 2],
      [4, 0],
    ])
    expect(effective_attempts).toBeCloseTo(16 / 3, 9)
  })

  test('lies between that of equal runs and that of independent runs', () => {
    fc.assert(
      fc.property(tasks, singles, (list, single) => {
        const { attempts, clusters, effective_attempts } = countsOf(list, single)
        const repeats = list.some(([runs]) => runs > 1)
        expect(effective_attempts !== undefined).toBe(repeats)
        if (effective_attempts === undefined) return
        const squares = list.reduce((sum, [runs]) => sum + runs * runs, single.attempts)
        expect(clusters).toBe(list.length + single.attempts)
        expect(effective_attempts).toBeLessThanOrEqual(attempts)
        expect(effective_attempts).toBeGreaterThanOrEqual((attempts * attempts) / squares - 1e-9)
      }),
    )
  })

  test('of more tasks than a sketch holds is estimated from the sample within 15 %, as is the number of tasks', () => {
    const random = createRandom('sampled clusters')
    const list = Array.from({ length: 3000 }, (): Task => [5, random() < 0.5 ? 4 : 1])
    const { clusters, effective_attempts } = countsOf(list)
    // The formula over all tasks: residuals of 1.5, runs 5, rate 1/2.
    const exact = 15_000 / ((3000 * 2.25) / (15_000 / 4))
    expect(Math.abs(effective_attempts! / exact - 1)).toBeLessThan(0.15)
    expect(Math.abs(clusters! / 3000 - 1)).toBeLessThan(0.15)
  })

  test('keeps the rate', () => {
    fc.assert(
      fc.property(tasks, singles, (list, single) => {
        const counts = countsOf(list, single)
        const { successes, attempts } = effectiveCounts(counts)
        expect(successes / attempts).toBeCloseTo(counts.successes / counts.attempts, 9)
      }),
    )
  })
})

describe('two groups', () => {
  const alternating = (n: number, offset: number): Task[] =>
    Array.from({ length: n }, (_, i): Task => [5, (i * 7 + offset) % 6])

  test('count as independent groups below 30 common tasks', () => {
    const [a, b] = [countsOf(alternating(29, 0)), countsOf(alternating(29, 2))]
    expect(comparedCounts(a, b)).toEqual({ counts: [effectiveCounts(a), effectiveCounts(b)] })
  })

  test('from 30 common tasks on count so that the difference has its variance by task', () => {
    const [a, b] = [countsOf(alternating(60, 0)), countsOf(alternating(60, 1))]
    const { counts, common_tasks } = comparedCounts(a, b)
    expect(common_tasks).toBe(60)
    const variance = counts.reduce((sum, { successes: s, attempts: n }) => sum + ((s / n) * (1 - s / n)) / n, 0)
    const differences = Array.from({ length: 60 }, (_, i) => (((i * 7) % 6) - ((i * 7 + 1) % 6)) / 5)
    const mean = differences.reduce((sum, one) => sum + one, 0) / 60
    const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0)
    expect(variance).toBeCloseTo(squares / 59 / 60, 12)
    expect(comparedCounts(b, a).counts).toEqual([counts[1], counts[0]])
  })

  test('of more tasks than a sketch holds are compared by the same sample of their tasks', () => {
    const [a, b] = [countsOf(alternating(2000, 0)), countsOf(alternating(2000, 1))]
    expect(comparedCounts(a, b).common_tasks).toBe(256)
    expect(taskDifference(a, b)?.common_tasks).toBe(256)
  })

  test('that share fewer than ten tasks, or no task, are not compared by task', () => {
    const few = countsOf(alternating(9, 0))
    expect(taskDifference(few, countsOf(alternating(60, 1)))).toBeUndefined()
    expect(taskDifference(few, { successes: 1, attempts: 2 })).toBeUndefined()
  })
})

describe('on Terminal-Bench', () => {
  const byTask = (name: string): TaskCounts => {
    const sketch = createTaskSketch()
    for (const cell of cells.filter(one => one.name === name))
      for (let run = 0; run < cell.attempts; run++) addTask(sketch, cell.task, run < cell.successes)
    return withTasks({ successes: 0, attempts: 0 }, sketch)
  }
  const [opus, gpt] = ['droid:claude-opus-4.1', 'droid:gpt-5'].map(name => byTask(name))

  test('about 400 attempts of each agent at 80 tasks are worth 94 to 109 independent ones', () => {
    for (const name of names.filter(one => cells.filter(cell => cell.name === one).length === 80)) {
      const { clusters, effective_attempts } = byTask(name)
      expect(clusters).toBe(80)
      expect(effective_attempts).toBeGreaterThan(94)
      expect(effective_attempts).toBeLessThan(109)
    }
  })

  test('by task opus solves 6.3 points more than gpt-5, with an interval above 0 as that of a bootstrap over tasks', () => {
    const { common_tasks, difference, difference_interval, p_value } = taskDifference(opus!, gpt!)!
    expect(common_tasks).toBe(80)
    expect(difference).toBeCloseTo(6.25, 9)
    expect(p_value).toBeLessThan(0.05)
    const tasks = cells.filter(cell => cell.name === 'droid:claude-opus-4.1')
    const differences = tasks.map(cell => {
      const other = cells.find(one => one.name === 'droid:gpt-5' && one.task === cell.task)!
      return (cell.successes / cell.attempts - other.successes / other.attempts) * 100
    })
    const random = createRandom('bootstrap over tasks')
    const means = Array.from({ length: 4000 }, () => {
      let sum = 0
      for (let i = 0; i < 80; i++) sum += differences[Math.floor(random() * 80)]!
      return sum / 80
    }).sort((a, b) => a - b)
    expect(Math.abs(difference_interval.low - means[100]!)).toBeLessThan(0.6)
    expect(Math.abs(difference_interval.high - means[3900]!)).toBeLessThan(0.6)
    expect(difference_interval.low).toBeGreaterThan(0)
  })
})
