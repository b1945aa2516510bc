import type { ConfidenceCells } from '../aggregate/confidence-cells.ts'
import { CONFIDENCE_BOUNDS } from '../aggregate/histogram-bounds.ts'
import type { CalibrationSums } from '../aggregate/summary.ts'
import { calibrationErrorBand } from './calibration-band.ts'
import { calibrationDesignEffect, independentSums } from './calibration-clusters.ts'
import type { Counts } from './counts.ts'
import { normalTwoSided } from './distributions.ts'
import { type MeanInterval, meanInterval, type RateInterval, rateInterval } from './intervals.ts'

/** With fewer populated bins, confidence does not discriminate between attempts, even if its mean is right. */
const MIN_BINS = 3
/** With fewer attempts, the AUROC is too imprecise to report. */
const AUROC_MIN_ATTEMPTS = 100

/** One bar of a reliability diagram: the attempts whose stated confidence lies in the bin. */
export interface ReliabilityBin {
  /** The bin's bounds on the scale of confidence, 0 to 1. The upper bound is inclusive. */
  readonly from: number
  readonly to: number
  readonly attempts: number
  /** Mean stated confidence, 0 to 1, and success rate in percent. Null if the bin is empty. */
  readonly mean_confidence: number | null
  readonly success_rate: number | null
  readonly success_rate_interval: RateInterval
}

/** How well stated confidence agrees with outcomes. All values but rates are on the scale of confidence, 0 to 1. */
export interface Calibration {
  /** Attempts that stated a confidence. */
  readonly attempts: number
  /** Tasks, and attempts that state none. Absent if no task repeats. */
  readonly clusters?: number | undefined
  /** Independent attempts that carry the same information: intervals, the band and z use them. Absent if no task repeats. */
  readonly effective_attempts?: number | undefined
  /** Mean squared difference of confidence and outcome. 0 is perfect. A constant 0.5 scores 0.25. */
  readonly brier_score: number | null
  /** The miscalibration term of the Brier score. 0 is perfect. */
  readonly reliability: number | null
  /** The discrimination term of the Brier score, 0 to `uncertainty`. Higher is better. */
  readonly resolution: number | null
  /** The variance of the outcomes: rate times (1 - rate). */
  readonly uncertainty: number | null
  /** The term for varying confidence inside bins: brier = reliability - resolution + uncertainty + within_bins. */
  readonly within_bins: number | null
  /** 1 - brier / uncertainty. Below 0, a constant forecast of the success rate is better. Null if all outcomes are equal. */
  readonly brier_skill: number | null
  /** Mean absolute difference of success rate and mean confidence, weighted by the attempts of each bin. */
  readonly expected_calibration_error: number | null
  /** Mean and 95 % quantile of that error for a perfectly calibrated agent with the same bins and tasks. */
  readonly expected_calibration_error_band: { readonly mean: number; readonly high: number } | null
  /** Approximately standard normal under perfect calibration. Null if every confidence is 0, 0.5 or 1. */
  readonly spiegelhalter_z: number | null
  /** Two-sided p-value of `spiegelhalter_z`, 0 to 1. */
  readonly spiegelhalter_p: number | null
  /** Mean confidence minus success rate, -1 to 1. Above 0 is over-confident. */
  readonly over_confidence: number | null
  /** Null below two effective attempts. */
  readonly over_confidence_interval: MeanInterval | null
  /** Probability that a success had a higher confidence than a failure. Ties and equal bins count half. Null below 100 attempts. */
  readonly auroc: number | null
  /** The exact value without bins is within this of `auroc`, 0 to 0.5. */
  readonly auroc_error: number | null
  /** Whether some attempts stated a confidence, but in fewer than 3 of ten bins. A small calibration error then proves little. */
  readonly degenerate: boolean
  readonly bins: readonly ReliabilityBin[]
}

/** The expected calibration error alone, 0 to 1, with each bin's own mean confidence. Null if no confidence was stated. */
export function calibrationError({ n, bins }: Pick<CalibrationSums, 'n' | 'bins'>): number | null {
  return n === 0 ? null : bins.reduce((sum, bin) => sum + Math.abs(bin.successes - bin.confidence), 0) / n
}

/**
 * All measures of calibration, computed from sums. A measure that is not defined is null. `counts` are those of the attempts, with and without
 * a confidence: where tasks repeat, what is said of chance uses the effective number of attempts.
 * Source: G. W. Brier, Mon. Weather Rev. 78 (1950); decomposition, A. H. Murphy, J. Appl. Meteorol. 12 (1973), and its
 * within-bin term, D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, Weather Forecast. 23 (2008); binned error,
 * M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI (2015); z, D. J. Spiegelhalter, Stat. Med. 5 (1986).
 */
export function calibrationOf(sums: CalibrationSums, counts?: Counts): Calibration {
  const { n, successes, confidence } = sums
  const designEffect = n > 0 && counts !== undefined ? calibrationDesignEffect(sums, counts) : 1
  const populated = sums.bins.filter(bin => bin.n > 0).length
  const counted = {
    attempts: n,
    degenerate: populated > 0 && populated < MIN_BINS,
    bins: sums.bins.map((bin, i) => toBin(bin, i, designEffect)),
    ...(counts?.clusters !== undefined &&
      n > 0 && { clusters: counts.clusters, effective_attempts: Math.max(1, n / designEffect) }),
  }
  if (!(n > 0)) return { ...UNKNOWN, ...counted }
  const independent = independentSums(sums, designEffect)
  return {
    ...counted,
    ...brierOf(sums),
    expected_calibration_error: calibrationError(sums),
    expected_calibration_error_band: bandOf(sums, designEffect),
    ...spiegelhalterOf(independent),
    over_confidence: (confidence - successes) / n,
    over_confidence_interval: overConfidenceInterval(independent),
    ...(n >= AUROC_MIN_ATTEMPTS ? aurocOf(sums.cells) : NO_AUROC),
  }
}

/** Chance is larger where tasks repeat: deviations grow with the root of the design effect. */
function bandOf({ bins }: CalibrationSums, designEffect: number): Calibration['expected_calibration_error_band'] {
  const band = calibrationErrorBand(bins)
  if (band === null || designEffect === 1) return band
  const growth = Math.sqrt(designEffect)
  return { mean: Math.min(1, band.mean * growth), high: Math.min(1, band.high * growth) }
}

const NO_AUROC = { auroc: null, auroc_error: null } as const

const UNKNOWN = {
  brier_score: null,
  reliability: null,
  resolution: null,
  uncertainty: null,
  within_bins: null,
  brier_skill: null,
  expected_calibration_error: null,
  expected_calibration_error_band: null,
  spiegelhalter_z: null,
  spiegelhalter_p: null,
  over_confidence: null,
  over_confidence_interval: null,
  ...NO_AUROC,
} as const

/** The sum of (confidence - outcome)², where an outcome is 0 or 1. */
function squaredErrors({ successes, confidence_squared, confidence_of_successes }: CalibrationSums): number {
  return Math.max(0, confidence_squared - 2 * confidence_of_successes + successes)
}

function brierOf(
  sums: CalibrationSums,
): Pick<Calibration, 'brier_score' | 'reliability' | 'resolution' | 'uncertainty' | 'within_bins' | 'brier_skill'> {
  const rate = sums.successes / sums.n
  const brier_score = squaredErrors(sums) / sums.n
  const uncertainty = rate * (1 - rate)
  let [reliability, resolution] = [0, 0]
  for (const bin of sums.bins) {
    if (bin.n === 0) continue
    reliability += (bin.confidence - bin.successes) ** 2 / bin.n / sums.n
    resolution += (bin.n * (bin.successes / bin.n - rate) ** 2) / sums.n
  }
  const within_bins = brier_score - (reliability - resolution + uncertainty)
  const brier_skill = uncertainty > 0 ? 1 - brier_score / uncertainty : null
  return { brier_score, reliability, resolution, uncertainty, within_bins, brier_skill }
}

function spiegelhalterOf(sums: CalibrationSums): Pick<Calibration, 'spiegelhalter_z' | 'spiegelhalter_p'> {
  const { successes, confidence, confidence_squared, confidence_of_successes, spiegelhalter_variance } = sums
  if (!(spiegelhalter_variance > 0)) return { spiegelhalter_z: null, spiegelhalter_p: null }
  const excess = successes - 2 * confidence_of_successes - confidence + 2 * confidence_squared
  const z = excess / Math.sqrt(spiegelhalter_variance)
  return { spiegelhalter_z: z, spiegelhalter_p: normalTwoSided(z) }
}

/**
 * Student's t interval of confidence minus outcome. The variance of the outcomes is computed with two more successes and
 * two more failures (A. Agresti and B. A. Coull, Am. Stat. 52, 1998). Without them, 3 of 3 would have no variance.
 */
function overConfidenceInterval(sums: CalibrationSums): MeanInterval | null {
  const { n, successes, confidence } = sums
  const rate = successes / n
  const cautious = (successes + 2) / (n + 4)
  const caution = Math.max(0, cautious * (1 - cautious) - rate * (1 - rate))
  const sum = confidence - successes
  const squared_deviations = Math.max(0, squaredErrors(sums) - (sum * sum) / n) + n * caution
  const interval = meanInterval({ n, sum, squared_deviations }, -1)
  return interval === null ? null : { ...interval, high: Math.min(1, interval.high) }
}

/**
 * The area under the ROC curve from counts in bins. Pairs in one bin count half, as ties do, so that the error is at most half of their share.
 * Source: H. B. Mann and D. R. Whitney, Ann. Math. Stat. 18 (1947).
 */
function aurocOf({ failures, successes }: ConfidenceCells): Pick<Calibration, 'auroc' | 'auroc_error'> {
  let [ordered, together, failed, succeeded] = [0, 0, 0, 0]
  for (let cell = 0; cell < failures.length; cell++) {
    const pairs = failures[cell]! * successes[cell]!
    ordered += successes[cell]! * failed + pairs / 2
    together += pairs
    failed += failures[cell]!
    succeeded += successes[cell]!
  }
  if (failed === 0 || succeeded === 0) return NO_AUROC
  return { auroc: ordered / (failed * succeeded), auroc_error: together / 2 / (failed * succeeded) }
}

function toBin(bin: CalibrationSums['bins'][number], index: number, designEffect: number): ReliabilityBin {
  return {
    from: index === 0 ? 0 : CONFIDENCE_BOUNDS[index - 1]!,
    to: CONFIDENCE_BOUNDS[index]!,
    attempts: bin.n,
    mean_confidence: bin.n > 0 ? bin.confidence / bin.n : null,
    success_rate: bin.n > 0 ? (bin.successes / bin.n) * 100 : null,
    success_rate_interval: rateInterval({
      successes: bin.successes,
      attempts: bin.n,
      effective_attempts: bin.n / designEffect,
    }),
  }
}
