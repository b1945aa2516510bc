/** Simulated attempts of repeated tasks. */
import { addTask, createTaskSketch } from '../../../src/core/aggregate/task-sketch.ts'
import { clusteredCounts, type TaskCounts } from '../../../src/core/statistics/clusters.ts'
import { drawBeta, type Random } from '../../../src/core/statistics/random.ts'

/** Intraclass correlations that the simulations of repeated tasks cover. */
export const ICCS = [0.1, 0.3, 0.5] as const

/** The success rates of tasks whose outcomes have this mean and intraclass correlation (beta-binomial). */
export function taskRates(random: Random, tasks: number, mean: number, icc: number): number[] {
  const size = (1 - icc) / icc
  return Array.from({ length: tasks }, () => drawBeta(random, mean * size, (1 - mean) * size))
}

/** An arm that grows attempt by attempt. */
export interface Arm {
  record(task: number): void
  counts(): TaskCounts
}

export function createArm(random: Random, rates: readonly number[], prefix: string): Arm {
  const tasks = createTaskSketch()
  return {
    record: task => addTask(tasks, `${prefix}${task}`, random() < rates[task]!),
    counts() {
      const { successes, attempts } = tasks
      return { ...clusteredCounts({ successes, attempts }, tasks), tasks }
    },
  }
}

export function countsOf(random: Random, rates: readonly number[], runs: number, prefix = ''): TaskCounts {
  const arm = createArm(random, rates, prefix)
  for (let run = 0; run < runs; run++) for (const task of rates.keys()) arm.record(task)
  return arm.counts()
}

export const plain = ({ successes, attempts }: TaskCounts): TaskCounts => ({ successes, attempts })

/** An order of attempts of repeated tasks. */
export interface Design {
  readonly name: string
  /** Runs of each task. */
  readonly runs: number
  /** Whether both arms run the same tasks. */
  readonly shared: boolean
  /** Whether the runs of a task follow each other. */
  readonly consecutive: boolean
}

export const DESIGNS: readonly Design[] = [
  { name: 'own tasks of 10 runs in a row', runs: 10, shared: false, consecutive: true },
  { name: 'own tasks of 5 runs in turn', runs: 5, shared: false, consecutive: false },
  { name: 'the same tasks of 5 runs in a row', runs: 5, shared: true, consecutive: true },
]

/** Two arms with `attempts` attempts each, at a mean rate, and the task of attempt `i` of either. */
export function twoArms(
  random: Random,
  {
    attempts,
    mean,
    icc,
    design,
  }: { readonly attempts: number; readonly mean: number; readonly icc: number; readonly design: Design },
): { readonly arms: readonly [Arm, Arm]; taskAt(i: number): number } {
  const { runs, shared, consecutive } = design
  const tasks = attempts / runs
  const rates = taskRates(random, tasks, mean, icc)
  const others = shared ? rates : taskRates(random, tasks, mean, icc)
  return {
    arms: [createArm(random, rates, 'a'), createArm(random, others, shared ? 'a' : 'b')],
    taskAt: i => (consecutive ? Math.floor(i / runs) : i % tasks),
  }
}
