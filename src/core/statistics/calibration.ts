import { CONFIDENCE_BOUNDS } from '../aggregate/histogram-bounds.ts'
import type { CalibrationSums } from '../aggregate/summary.ts'
import { calibrationErrorBand } from './calibration-band.ts'
import { normalTwoSided } from './distributions.ts'
import { type MeanInterval, meanInterval, type RateInterval, wilsonInterval } from './intervals.ts'

/** Below so many populated bins confidence does not tell attempts apart, however well its mean fits. */
const BINS_FROM = 3
/** From here on the ranking of successes over failures is worth a number. */
const AUROC_FROM = 100

/** One bar of a reliability diagram: attempts whose stated confidence lies in the bin. */
export interface ReliabilityBin {
  /** The bin's ends on the scale of confidence, 0 to 1; the upper one is inside. */
  readonly from: number
  readonly to: number
  readonly attempts: number
  /** Mean stated confidence, 0 to 1, and success rate in percent; null where the bin is empty. */
  readonly mean_confidence: number | null
  readonly success_rate: number | null
  readonly success_rate_interval: RateInterval
}

/** Whether stated confidence can be believed. Everything but rates is on the scale of confidence, 0 to 1. */
export interface Calibration {
  /** Attempts that stated a confidence. */
  readonly attempts: number
  /** Mean squared distance of confidence from outcome: 0 is perfect, 0.25 what always saying 0.5 gets. */
  readonly brier_score: number | null
  /** The part of the Brier score that is miscalibration: 0 is perfect. */
  readonly reliability: number | null
  /** The part won by telling attempts apart: the higher the better, at most `uncertainty`. */
  readonly resolution: number | null
  /** The part that lies in the attempts themselves: rate times (1 - rate). */
  readonly uncertainty: number | null
  /** What differences of confidence inside bins add: brier = reliability - resolution + uncertainty + within_bins. */
  readonly within_bins: number | null
  /** 1 - brier / uncertainty: below 0, always stating the success rate would do better. Null where all outcomes are alike. */
  readonly brier_skill: number | null
  /** Expected calibration error: mean distance of success rate from mean confidence over the bins. */
  readonly expected_calibration_error: number | null
  /** Expected and highest usual (95 % of cases) error of an agent whose every confidence is true, at the same bins. */
  readonly expected_calibration_error_band: { readonly mean: number; readonly high: number } | null
  /** About standard normal if confidence is true; its two-sided p-value, 0 to 1. Null where every confidence is 0, 0.5 or 1. */
  readonly spiegelhalter_z: number | null
  readonly spiegelhalter_p: number | null
  /** Mean confidence less success rate, -1 to 1: above 0 is over-confident. Interval from two attempts on. */
  readonly over_confidence: number | null
  readonly over_confidence_interval: MeanInterval | null
  /** Probability that a success was stated with more confidence than a failure, by bins, ties half; null below 100 attempts. */
  readonly auroc: number | null
  /** Whether fewer than 3 bins are populated, so that a small error means little. */
  readonly degenerate: boolean
  readonly bins: readonly ReliabilityBin[]
}

/** Expected calibration error alone, 0 to 1, over the bins' own mean confidence; null where no confidence was stated. */
export function calibrationError({ n, bins }: Pick<CalibrationSums, 'n' | 'bins'>): number | null {
  return n === 0 ? null : bins.reduce((sum, bin) => sum + Math.abs(bin.successes - bin.confidence), 0) / n
}

/**
 * Every measure of calibration, from sums alone; null where it is not defined.
 * Source: G. W. Brier, Mon. Weather Rev. 78 (1950); decomposition, A. H. Murphy, J. Appl. Meteorol. 12 (1973), and its
 * part within bins, D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, Weather Forecast. 23 (2008); error by bins,
 * M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI (2015); z, D. J. Spiegelhalter, Stat. Med. 5 (1986).
 */
export function calibrationOf(sums: CalibrationSums): Calibration {
  const { n, successes, confidence } = sums
  const bins = sums.bins.map(toBin)
  const counted = { attempts: n, degenerate: sums.bins.filter(bin => bin.n > 0).length < BINS_FROM, bins }
  if (!(n > 0)) return { ...UNKNOWN, ...counted }
  return {
    ...counted,
    ...brierOf(sums),
    expected_calibration_error: calibrationError(sums),
    expected_calibration_error_band: calibrationErrorBand(sums.bins),
    ...spiegelhalterOf(sums),
    over_confidence: (confidence - successes) / n,
    over_confidence_interval: overConfidenceInterval(sums),
    auroc: n >= AUROC_FROM ? aurocOf(sums) : null,
  }
}

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
  auroc: null,
} as const

/** Sum of (confidence - outcome) squared. */
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
 * Student's t interval of confidence less outcome. The outcomes' part of the variance is that after two more successes
 * and two more failures (A. Agresti and B. A. Coull, Am. Stat. 52, 1998): three successes of three are no certainty.
 */
function overConfidenceInterval(sums: CalibrationSums): MeanInterval | null {
  const { n, successes, confidence } = sums
  const rate = successes / n
  const cautious = (successes + 2) / (n + 4)
  const caution = Math.max(0, cautious * (1 - cautious) - rate * (1 - rate))
  const sum_of_squares = squaredErrors(sums) + n * caution
  const interval = meanInterval({ n, sum: confidence - successes, sum_of_squares }, -1)
  return interval === null ? null : { ...interval, high: Math.min(1, interval.high) }
}

/** Source: H. B. Mann and D. R. Whitney, Ann. Math. Stat. 18 (1947). */
function aurocOf({ n, successes, bins }: CalibrationSums): number | null {
  const failures = n - successes
  if (successes === 0 || failures === 0) return null
  let [ordered, failuresBelow] = [0, 0]
  for (const bin of bins) {
    const failed = bin.n - bin.successes
    ordered += bin.successes * (failuresBelow + failed / 2)
    failuresBelow += failed
  }
  return ordered / (successes * failures)
}

function toBin(bin: CalibrationSums['bins'][number], index: number): ReliabilityBin {
  return {
    from: index === 0 ? 0 : CONFIDENCE_BOUNDS[index - 1]!,
    to: CONFIDENCE_BOUNDS[index]!,
    attempts: bin.n,
    mean_confidence: bin.n > 0 ? bin.confidence / bin.n : null,
    success_rate: bin.n > 0 ? (bin.successes / bin.n) * 100 : null,
    success_rate_interval: wilsonInterval(bin.successes, bin.n),
  }
}
