/** Two groups compared by the tasks that both ran. */
import { alignedTasks } from './aligned-tasks.ts'
import { singlesOf, squaredResiduals, type TaskCounts } from './clusters.ts'
import { type Counts, effectiveCounts } from './counts.ts'
import { studentTQuantile, studentTTwoSided } from './distributions.ts'

/** The effective counts of two groups for a comparison. Their difference has the variance that is estimated from the tasks. */
export interface ComparedCounts {
  readonly counts: readonly [Counts, Counts]
  /** Tasks of both groups that were compared with each other. Undefined if the groups are compared as independent ones. */
  readonly common_tasks?: number | undefined
}

/** With fewer common tasks, or fewer with different results, the variance of a difference cannot be estimated. */
const MIN_COMMON_TASKS = 30
const MIN_DIFFERING_TASKS = 10

/**
 * Effective counts for the difference of two rates. From 30 tasks that both groups ran, 10 of them with different results, the variance is
 * that of the difference by task. A task that is easy for both adds no variance. With fewer, both groups count with their own effective
 * sizes, as independent groups. That is too wide rather than too narrow if they share tasks.
 * Source: linearised ratio estimators, W. G. Cochran, Sampling Techniques (1977), 6.13; as paired evaluation, E. Miller, arXiv 2411.00640 (2024).
 */
export function comparedCounts(a: TaskCounts, b: TaskCounts): ComparedCounts {
  const factor = pairedFactor(a, b)
  if (factor === undefined) return { counts: [effectiveCounts(a), effectiveCounts(b)] }
  const scaled = ({ successes, attempts }: Counts): Counts => ({
    successes: successes * factor.value,
    attempts: attempts * factor.value,
  })
  return { counts: [scaled(a), scaled(b)], common_tasks: factor.common }
}

/** The factor from attempts to effective attempts of both groups, and the number of common tasks. */
function pairedFactor(a: TaskCounts, b: TaskCounts): { readonly value: number; readonly common: number } | undefined {
  if (a.tasks === undefined || b.tasks === undefined) return undefined
  const [p, q] = [a.successes / a.attempts, b.successes / b.attempts]
  let [squares, tasks, common, differing, held] = [0, 0, 0, 0, 0]
  for (const { n, s, m, t } of alignedTasks(a.tasks, b.tasks)) {
    squares += ((s - p * n) / a.attempts - (t - q * m) / b.attempts) ** 2
    held += n + m
    tasks++
    if (n === 0 || m === 0) continue
    common++
    if (s * m !== t * n) differing++
  }
  if (common < MIN_COMMON_TASKS || differing < MIN_DIFFERING_TASKS) return undefined
  const scale = (a.tasks.attempts + b.tasks.attempts) / held
  const [x, y] = [singlesOf(a, a.tasks), singlesOf(b, b.tasks)]
  const clusters = scale * tasks + x.attempts + y.attempts
  const singles = squaredResiduals(x, p) / a.attempts ** 2 + squaredResiduals(y, q) / b.attempts ** 2
  const variance = (clusters / (clusters - 1)) * (scale * squares + singles)
  const independent = (p * (1 - p)) / a.attempts + (q * (1 - q)) / b.attempts
  return variance > 0 && independent > 0 ? { value: independent / variance, common } : undefined
}

/** Two groups compared task by task: the mean over the common tasks of the difference of their rates. */
export interface TaskDifference {
  /** Tasks that both groups ran. Beyond the tasks that a sketch holds, a uniform sample of them. */
  readonly common_tasks: number
  /** In percentage points. */
  readonly difference: number
  readonly difference_interval: { readonly low: number; readonly high: number; readonly method: 'paired_t' }
  /** Two-sided p-value of the hypothesis "no difference", 0 to 1, for one look at the data. */
  readonly p_value: number
}

/** With fewer tasks, Student's t interval of a difference of rates does not hold. */
const MIN_PAIRED_TASKS = 10

/**
 * The rate of `a` minus the rate of `b`, task by task: every common task counts once, however often it ran. A task that is hard for both changes
 * nothing. Student's t interval over tasks, for one look at the data. Undefined below 10 common tasks, or if all have the same difference.
 * Source: Student, Biometrika 6 (1908), as paired evaluation E. Miller, arXiv 2411.00640 (2024).
 */
export function taskDifference({ tasks: a }: TaskCounts, { tasks: b }: TaskCounts): TaskDifference | undefined {
  if (a === undefined || b === undefined) return undefined
  const differences: number[] = []
  for (const { n, s, m, t } of alignedTasks(a, b)) if (n > 0 && m > 0) differences.push(s / n - t / m)
  const common = differences.length
  if (common < MIN_PAIRED_TASKS) return undefined
  const mean = differences.reduce((sum, one) => sum + one, 0) / common
  const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const error = Math.sqrt(squares / (common - 1) / common)
  if (!(error > ROUNDING)) return undefined
  const half = studentTQuantile(0.975, common - 1) * error
  return {
    common_tasks: common,
    difference: mean * 100,
    difference_interval: {
      low: Math.max(-1, mean - half) * 100,
      high: Math.min(1, mean + half) * 100,
      method: 'paired_t',
    },
    p_value: studentTTwoSided(mean / error, common - 1),
  }
}

/** Equal differences have a smaller spread, caused by rounding alone. */
const ROUNDING = 1e-12
