/** The times of attempts beside their documented mean. */
import { addDurations, type Summary, timeSums } from '../aggregate/summary.ts'
import { timeInterval } from '../statistics/amount-interval.ts'
import { clusteredSums } from '../statistics/clustered-amounts.ts'
import type { MeanInterval } from '../statistics/intervals.ts'
import { DURATION_BUCKETS, type TimeQuantiles, timeQuantiles } from '../statistics/time-quantiles.ts'
import { countsOf } from './groups.ts'

/** The members of an answer about times beside `avg_time_seconds`. */
export interface Times {
  /** 95 % interval of the mean. Null below two attempts with a time, or if all are of one task. */
  readonly avg_time_seconds_interval: MeanInterval | null
  /** Null if no time is in the histogram. */
  readonly time_seconds: TimeQuantiles | null
}

/** The times of one summary. */
export function timesOf(summary: Summary): Times {
  const buckets = new Float64Array(DURATION_BUCKETS)
  addDurations(buckets, 0, summary)
  const counts = countsOf(summary)
  return {
    avg_time_seconds_interval: timeInterval(clusteredSums(timeSums(summary), counts)),
    time_seconds: timeQuantiles(buckets, counts),
  }
}
