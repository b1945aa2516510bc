import type { AmountSums } from '../aggregate/summary.ts'
import { ATTEMPT_FIELDS } from '../attempt/fields.ts'
import { studentTQuantile } from './distributions.ts'
import { type MeanInterval, momentsOf } from './intervals.ts'

/** Ends of an interval of the logarithm of a mean, and its standard error. */
interface LogInterval {
  readonly low: number
  readonly high: number
  readonly error: number
}

/** Interval of a mean cost in US dollars. See {@link amountInterval}. */
export function costInterval(sums: AmountSums): MeanInterval | null {
  return amountInterval(sums, ATTEMPT_FIELDS.cost_usd.max)
}

/** Interval of a mean time in seconds. See {@link amountInterval}. */
export function timeInterval(sums: AmountSums): MeanInterval | null {
  return amountInterval(sums, ATTEMPT_FIELDS.time_seconds.max)
}

/**
 * 95 % interval of a mean of amounts from 0 to `max`, on the log scale. Null below two amounts. Amounts such as times and costs have a long
 * right tail that a small sample does not show. So Student's t interval of the logarithm of the mean (delta method) is extended to that of
 * a log-normal model. The extension fades out as the sample contradicts the model, and for a spread so small that the model does not
 * matter. It does not depend on the sample size.
 *
 * Measured for log-normal amounts up to sigma 2: it covers the true mean in 90 % of cases at 5 amounts, 93 % from 30 on. If a few amounts
 * are many times larger than the others, coverage is lower while the sample has none of them: 65 % at 5 amounts.
 * Source: D. R. Cox, in C. E. Land, Technometrics 14 (1972); with Student's t, U. Olsson, J. Stat. Educ. 13 (2005); amounts of zero,
 * J. Aitchison, J. Am. Stat. Assoc. 50 (1955).
 */
function amountInterval(sums: AmountSums, max: number): MeanInterval | null {
  const moments = momentsOf(sums)
  if (moments === null) return null
  const { mean, variance } = moments
  if (!(mean > 0)) return { low: 0, high: 0, method: 'log_scale' }
  const centre = Math.log(mean)
  const error = Math.sqrt(variance / sums.n) / mean
  const half = studentTQuantile(0.975, sums.n - 1) * error
  let [low, high] = [centre - half, centre + half]
  const model = logNormalInterval(sums)
  // Equal amounts have no spread that a model could extend.
  if (model !== undefined && model.error > 0) {
    const distance = Math.abs(centre - (model.low + model.high) / 2) / Math.hypot(model.error, error)
    const weight = fading(distance, FADES_FROM, FADES_TO) * (1 - fading(logVariance(sums), NO_SPREAD, SPREAD))
    low -= weight * Math.max(0, low - model.low)
    high += weight * Math.max(0, model.high - high)
  }
  return {
    low: Math.min(mean, Math.exp(low)),
    high: Math.max(mean, Math.min(Math.exp(high), max)),
    method: 'log_scale',
  }
}

/** Standard errors between the sample mean and that of the model: below the first they agree, above the second the model is wrong. */
const [FADES_FROM, FADES_TO] = [2, 4]
/** Variances of the logarithms, for spreads of 1 % and 2 %. Below the first the model is ignored, above the second it is fully used. */
const [NO_SPREAD, SPREAD] = [1e-4, 4e-4]

/** 1 up to `from`, 0 from `to` on, and linear between. */
function fading(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (to - value) / (to - from)))
}

/** The sample variance of the logarithms of the amounts above zero. 0 below two of them. */
function logVariance({ positive, log_sum, log_sum_of_squares }: AmountSums): number {
  if (positive < 2) return 0
  return Math.max(0, log_sum_of_squares - (log_sum * log_sum) / positive) / (positive - 1)
}

/** Cox's interval of the logarithm of the mean, if the amounts above zero are log-normal. Undefined below two of them. */
function logNormalInterval(sums: AmountSums): LogInterval | undefined {
  const { n, positive, log_sum } = sums
  if (positive < 2) return undefined
  const variance = logVariance(sums)
  const share = Math.min(1, positive / n)
  const centre = Math.log(share) + log_sum / positive + variance / 2
  const error = Math.sqrt((1 - share + variance) / positive + variance ** 2 / (2 * (positive - 1)))
  const half = studentTQuantile(0.975, positive - 1) * error
  return { low: centre - half, high: centre + half, error }
}
