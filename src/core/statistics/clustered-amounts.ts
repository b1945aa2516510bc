/** Times and costs of repeated tasks. */
import type { AmountSums } from '../aggregate/summary.ts'
import type { Counts } from './counts.ts'

/**
 * The sums of as many attempts as there would be if each task had run once, for intervals of a mean. They have the same mean and the same
 * spread. The same sums if all attempts are independent.
 *
 * The sketch of the tasks holds no amounts, so that the correlation of the amounts of a task is not known. All runs of a task therefore count as
 * equal, which is the largest design effect: the interval is too wide rather than too narrow. A sum of squares over n - r, for r runs of a task,
 * is an unbiased variance between tasks in that case, which dividing all sums by r gives.
 * Source: L. Kish, Survey Sampling (1965), 5.4 and 8.2.
 */
export function clusteredSums<S extends AmountSums>(
  sums: S,
  { runs_per_cluster = 1 }: Pick<Counts, 'runs_per_cluster'>,
): S {
  if (!(runs_per_cluster > 1)) return sums
  return {
    ...sums,
    n: sums.n / runs_per_cluster,
    sum: sums.sum / runs_per_cluster,
    squared_deviations: sums.squared_deviations / runs_per_cluster,
    positive: sums.positive / runs_per_cluster,
    log_sum: sums.log_sum / runs_per_cluster,
    log_sum_of_squares: sums.log_sum_of_squares / runs_per_cluster,
  }
}
