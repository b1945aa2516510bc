/** Repeated tasks: runs of one task are not independent, so that they carry less information than as many runs of different tasks. */
import { TASK_COLUMNS, type TaskSketch } from '../aggregate/task-sketch.ts'
import type { Counts } from './counts.ts'

/** Clustered counts, and their tasks, for comparisons task by task. */
export interface TaskCounts extends Counts {
  /** Undefined if no attempt states a task. */
  readonly tasks?: TaskSketch | undefined
}

/** The number of clusters and the effective sample size of counts. */
export interface Clustering {
  /** Tasks, and attempts without a task: each is a cluster of its own. Estimated, to about 6 %, beyond the tasks that a sketch holds. */
  readonly clusters: number
  /** Independent attempts that carry the same information. At most the attempts, at least 1. */
  readonly effective_attempts: number
  /** Attempts of the cluster of an attempt, on average over the attempts: the largest possible design effect. */
  readonly runs_per_cluster: number
}

/** The share of a task of successes, and of a task of failures, that the variance includes. See {@link clusteringOf}. */
const PSEUDO_TASKS = 0.5

/** Sums over the tasks of a sketch with n attempts and s successes each. */
export interface TaskSums {
  n: number
  nn: number
  ns: number
  ss: number
}

/**
 * The effective sample size where tasks repeat; undefined where none does. It is n / deff. The design effect deff compares the variance of the
 * rate by tasks (ratio estimator, with C / (C - 1) for C clusters) with that of independent attempts. The variance includes half a task of
 * successes and half a task of failures of average size, as Jeffreys' prior does for attempts: without them, tasks that all succeeded would seem
 * to have no variance. The size lies between that of independent runs (n) and that of equal runs (n² / sum of squared cluster sizes). So one task
 * is 1 effective attempt, however many runs it has: nothing is known of other tasks.
 * Source: J. N. K. Rao and A. J. Scott, Biometrics 48 (1992); bounds, L. Kish, Survey Sampling (1965), 5.4.
 */
export function clusteringOf({ successes, attempts }: Counts, tasks: TaskSketch | undefined): Clustering | undefined {
  if (tasks === undefined) return undefined
  const sums = sumTasks(tasks)
  if (sums.n === tasks.size) return undefined
  // Sampled tasks stand for all: every sum over them grows with the attempts of the others.
  const scale = tasks.attempts / sums.n
  const single = singlesOf({ successes, attempts }, tasks)
  const clusters = Math.round(tasksIn(tasks, sums.n)) + single.attempts
  const squares = scale * sums.nn + single.attempts
  const size = squares / attempts
  const n = attempts + 2 * PSEUDO_TASKS * size
  const rate = (successes + PSEUDO_TASKS * size) / n
  const residual =
    scale * (sums.ss - 2 * rate * sums.ns + rate * rate * sums.nn) +
    squaredResiduals(single, rate) +
    PSEUDO_TASKS * size * size * ((1 - rate) ** 2 + rate ** 2)
  const all = clusters + 2 * PSEUDO_TASKS
  const designEffect = ((all / (all - 1)) * residual) / (n * rate * (1 - rate))
  const effective = Math.max(attempts / size, attempts / designEffect)
  return { clusters, effective_attempts: Math.min(attempts, effective), runs_per_cluster: size }
}

/** Counts with what {@link clusteringOf} finds, for the statistics of rates. */
export function clusteredCounts(counts: Counts, tasks: TaskSketch | undefined): Counts {
  return tasks === undefined ? counts : { ...counts, ...clusteringOf(counts, tasks) }
}

/** The sum of the squared residuals of independent attempts. */
export function squaredResiduals({ successes, attempts }: Counts, rate: number): number {
  return successes * (1 - rate) ** 2 + (attempts - successes) * rate ** 2
}

/** The attempts that state no task. */
export function singlesOf({ successes, attempts }: Counts, tasks: TaskSketch): Counts {
  return {
    successes: Math.max(0, successes - tasks.successes),
    attempts: Math.max(0, attempts - tasks.attempts),
  }
}

export function sumTasks({ entries, size }: TaskSketch): TaskSums {
  const sums: TaskSums = { n: 0, nn: 0, ns: 0, ss: 0 }
  for (let at = 0; at < size * TASK_COLUMNS; at += TASK_COLUMNS) {
    const n = entries[at + 1]!
    const s = entries[at + 2]!
    sums.n += n
    sums.nn += n * n
    sums.ns += n * s
    sums.ss += s * s
  }
  return sums
}

const HASHES = 2 ** 32

/**
 * The number of tasks. If the sketch dropped some, it is estimated from the largest of the k smallest hashes.
 * Source: Z. Bar-Yossef et al., RANDOM (2002).
 */
function tasksIn({ entries, size, attempts }: TaskSketch, held: number): number {
  if (held === attempts) return size
  return (size - 1) / (entries[(size - 1) * TASK_COLUMNS]! / HASHES)
}
