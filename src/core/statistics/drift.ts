/**
 * Drift of a success rate: a CUSUM against a baseline that is learned first, and learned again after each alarm. The attempts
 * may belong to several strata, such as the keys of an agent. Each stratum has its own baseline.
 *
 * The detector is one long function: its parts share the state of the CUSUM, and run for every attempt of every key at each scrape.
 */
import { printTimestamp } from '../attempt/timestamp.ts'
import { shrunkRate } from './counts.ts'

/** The shift that the CUSUM tests for, as Cohen's effect size h: between "small" (0.2) and "medium" (0.5). */
const SHIFT = 0.33
/** Attempts of a stratum that are learned before any of them is tested. */
export const MIN_BASELINE = 30
/** Growth of a baseline after which it is used. Computing the ratios after every attempt would take most of the time. */
const BASELINE_GROWTH = 1.25
/** Weight of the earlier attempts in the share of a stratum, per attempt: a mean over about 50 attempts. */
const SHARE_DECAY = 0.98
/** Attempts after which an alarm ends, because the new rate is the baseline by then. */
const ALARM_ATTEMPTS = 300

/** Whether the rate has left its baseline, in which direction, and since when. */
export interface Drift {
  /** `none` if no statistic has reached the threshold. */
  readonly direction: 'down' | 'up' | 'none'
  /** The larger of the two log-likelihood ratios, 0 or more. Of an alarm: its value when the alarm was raised. */
  readonly statistic: number
  /** The value of the statistic that raises an alarm. */
  readonly threshold: number
  /** Estimated number of attempts since the drift began. Null without an alarm. */
  readonly began_attempts_ago: number | null
  /** End of the first of these attempts, RFC 3339. Null without an alarm, and if the detector was given no times. */
  readonly began_at: string | null
  /** The rate expected of the attempts from the start of the drift to its alarm, in percent. Null without an alarm. */
  readonly expected_rate: number | null
  /** The rate of these attempts, in percent. Null without an alarm. */
  readonly observed_rate: number | null
}

/** The log-likelihood ratio of the shifted rate against the baseline, for each outcome. */
interface Ratios {
  readonly success: number
  readonly failure: number
}

/** The baseline of one direction: the attempts and the rate it was computed from, and its ratios with the standard error they allow for. */
interface DirectionBaseline extends Ratios {
  readonly attempts: number
  readonly rate: number
  readonly standardError: number
}

/** Attempts that share a baseline. */
export interface Stratum {
  successes: number
  attempts: number
  /** The number of alarms when the baseline was learned. */
  alarms: number
  down: DirectionBaseline | undefined
  up: DirectionBaseline | undefined
  /** The baseline before the last alarm, in its direction. */
  before: DirectionBaseline | undefined
  /** Its share of the recent attempts, 0 to 1, as an exponentially weighted mean, and the attempts of all strata up to its last one. */
  share: number
  seen: number
}

/** A stratum that has learned `successes` of `attempts` so far. */
export function createStratum(successes = 0, attempts = 0): Stratum {
  return { successes, attempts, alarms: 0, down: undefined, up: undefined, before: undefined, share: 1, seen: 0 }
}

/** One direction of the CUSUM, with the attempts since it was last 0. */
interface Excursion {
  value: number
  /** Attempts before it, and the time of its first attempt in milliseconds since the epoch. */
  start: number
  startMs: number
  /** Tested attempts in it, and the successes expected and observed of them. */
  tested: number
  expected: number
  successes: number
}

interface Alarm {
  readonly direction: 'down' | 'up'
  readonly statistic: number
  readonly start: number
  readonly startMs: number
  readonly raisedAt: number
  readonly expectedRate: number
  readonly observedRate: number
  /** The CUSUM against the old baseline, continued. At 0 the rate is back at it. */
  level: number
}

export interface DriftDetector {
  /** Adds attempts in the order of their time. `ms`, milliseconds since the epoch, dates the begin of a drift. */
  add(stratum: Stratum, successes: number, attempts: number, ms?: number): void
  /** Forgets alarms and evidence, but not the baselines: the next attempts are the first that are tested. */
  restart(): void
  /** The alarm now. Without one, a statistic at or above `commonThreshold` is an alarm too. */
  drift(commonThreshold?: number): Drift
  /** The statistic of {@link Drift}, and the one for `down` alone. */
  statistic(): number
  decline(): number
}

/**
 * Detects drifts with a CUSUM in each direction, at `threshold`. Statistics are given less `discount`, and raise an alarm that much later.
 *
 * The first 30 attempts of a stratum are its baseline and are not tested. Later attempts are tested against the baseline, and
 * join it once the CUSUM is back at 0. The baseline is moved down before the test for a fall, and up before the test for a rise,
 * by an allowance for its standard error. After an alarm every stratum learns a new baseline from the attempts after the alarm only: those
 * before it were selected for their outcomes. The alarm ends after 300 attempts, or when the rate is back at the old baseline.
 * Source: CUSUM, E. S. Page, Biometrika 41 (1954); risk-adjusted, S. H. Steiner et al., Biostatistics 1 (2000);
 * self-starting, D. M. Hawkins, The Statistician 36 (1987). The shift is constant on the arcsine scale (J. Cohen, Statistical
 * Power Analysis, 1988, 6.2), which makes false alarms equally rare at every rate. Effect of an estimated baseline: A. Gandy
 * and J. T. Kvaløy, Scand. J. Stat. 40 (2013).
 */
export function createDriftDetector(threshold: number, discount = 0): DriftDetector {
  const down = noExcursion()
  const up = noExcursion()
  let seen = 0
  let alarms = 0
  let alarm: Alarm | undefined

  function raise(direction: 'down' | 'up'): void {
    const { value, start, startMs, tested, expected, successes } = direction === 'down' ? down : up
    const [expectedRate, observedRate] = [(100 * expected) / tested, (100 * successes) / tested]
    const statistic = value - discount
    alarm = { direction, statistic, start, startMs, raisedAt: seen, expectedRate, observedRate, level: value }
    alarms++
    clear(down)
    clear(up)
  }

  function learnAgain(stratum: Stratum): void {
    stratum.before = stratum.alarms === alarms - 1 && alarm !== undefined ? stratum[alarm.direction] : undefined
    stratum.successes = 0
    stratum.attempts = 0
    stratum.alarms = alarms
    stratum.down = undefined
    stratum.up = undefined
  }

  function updateShare(stratum: Stratum, attempts: number): void {
    const gap = seen - stratum.seen
    stratum.seen = seen + attempts
    // A stratum that is learned may become the main work. The only stratum so far keeps its share: powers would take most of the time.
    if (stratum.attempts < MIN_BASELINE || (gap === 0 && stratum.share === 1)) return
    stratum.share = stratum.share * SHARE_DECAY ** (gap + attempts) + 1 - SHARE_DECAY ** attempts
  }

  /**
   * The baseline that a test uses. Its rate is frozen during an excursion: otherwise a decline would lower it. Its standard
   * error follows the share of the stratum: errors of strata that share the work cancel out.
   */
  function currentBaseline(
    used: DirectionBaseline | undefined,
    stratum: Stratum,
    { value }: Excursion,
    sign: -1 | 1,
  ): DirectionBaseline {
    const grown = used === undefined || (value === 0 && stratum.attempts >= BASELINE_GROWTH * used.attempts)
    const attempts = grown ? stratum.attempts : used.attempts
    const standardError = baselineStandardError(attempts / stratum.share)
    if (!grown && standardError < 1.1 * used.standardError && standardError > 0.9 * used.standardError) return used
    const rate = grown ? shrunkRate(stratum) : used.rate
    // With normal errors of the baseline, this keeps the mean of exp(statistic) at that of a known baseline.
    const allowance = (threshold * standardError ** 2) / SHIFT
    const ratios = logLikelihoodRatios(angleOf(rate) + sign * allowance, sign * SHIFT)
    return { attempts, rate, standardError, ...ratios }
  }

  function continueAlarm({ before }: Stratum, successes: number, attempts: number): void {
    if (alarm === undefined) return
    if (before !== undefined) {
      const change = successes * before.success + (attempts - successes) * before.failure
      alarm.level = Math.min(alarm.level + change, 2 * threshold)
    }
    if (alarm.level <= 0 || seen - alarm.raisedAt >= ALARM_ATTEMPTS) alarm = undefined
  }

  function currentDrift(limit: number): Drift {
    const falling = down.value >= up.value
    const { value, start, startMs, tested, expected, successes } = falling ? down : up
    const statistic = Math.max(0, value - discount)
    if (statistic < limit) return { direction: 'none', statistic, threshold: limit, ...NO_ALARM }
    return {
      direction: falling ? 'down' : 'up',
      statistic,
      threshold: limit,
      began_attempts_ago: seen - start,
      began_at: timeText(startMs),
      expected_rate: (100 * expected) / tested,
      observed_rate: (100 * successes) / tested,
    }
  }

  return {
    add(stratum, successes, attempts, ms = Number.NaN) {
      if (stratum.alarms !== alarms) learnAgain(stratum)
      updateShare(stratum, attempts)
      if (stratum.attempts >= MIN_BASELINE) {
        stratum.down = currentBaseline(stratum.down, stratum, down, -1)
        stratum.up = currentBaseline(stratum.up, stratum, up, 1)
        step(down, stratum.down, successes, attempts, seen, ms)
        step(up, stratum.up, successes, attempts, seen, ms)
      }
      seen += attempts
      stratum.successes += successes
      stratum.attempts += attempts
      continueAlarm(stratum, successes, attempts)
      if (down.value >= threshold + discount) raise('down')
      else if (up.value >= threshold + discount) raise('up')
    },
    restart() {
      clear(down)
      clear(up)
      alarm = undefined
    },
    drift(common = threshold) {
      const limit = Math.min(common, threshold)
      if (alarm === undefined) return currentDrift(limit)
      const { direction, statistic, start, startMs, expectedRate, observedRate } = alarm
      const began = { began_attempts_ago: seen - start, began_at: timeText(startMs) }
      const rates = { expected_rate: expectedRate, observed_rate: observedRate }
      return { direction, statistic, threshold: limit, ...began, ...rates }
    },
    statistic: () => alarm?.statistic ?? Math.max(0, Math.max(down.value, up.value) - discount),
    decline: () => (alarm?.direction === 'down' ? alarm.statistic : Math.max(0, down.value - discount)),
  }
}

const NO_ALARM = { began_attempts_ago: null, began_at: null, expected_rate: null, observed_rate: null } as const

const timeText = (ms: number): string | null => (Number.isFinite(ms) ? printTimestamp({ ms, local: false }) : null)

const noExcursion = (): Excursion => ({ value: 0, start: 0, startMs: Number.NaN, tested: 0, expected: 0, successes: 0 })

function clear(excursion: Excursion): void {
  excursion.value = 0
  excursion.tested = 0
  excursion.expected = 0
  excursion.successes = 0
}

function step(
  excursion: Excursion,
  { success, failure, rate }: DirectionBaseline,
  successes: number,
  attempts: number,
  seen: number,
  ms: number,
): void {
  const value = excursion.value + successes * success + (attempts - successes) * failure
  if (value <= 0) {
    if (excursion.value > 0) clear(excursion)
    return
  }
  if (excursion.value === 0) {
    excursion.start = seen
    excursion.startMs = ms
  }
  excursion.value = value
  excursion.tested += attempts
  excursion.expected += attempts * rate
  excursion.successes += successes
}

/** The standard error of a rate estimated from `attempts` attempts, in radians on the arcsine scale. */
export function baselineStandardError(attempts: number): number {
  return 1 / Math.sqrt(Math.max(1, attempts))
}

function logLikelihoodRatios(angle: number, shift: number): Ratios {
  const [baseline, shifted] = [rateAt(angle), rateAt(angle + shift)]
  return { success: Math.log(shifted / baseline), failure: Math.log((1 - shifted) / (1 - baseline)) }
}

function angleOf(rate: number): number {
  return 2 * Math.asin(Math.sqrt(clamp(rate, 0.01, 0.99)))
}

function rateAt(angle: number): number {
  return Math.sin(clamp(angle, 0.02, Math.PI - 0.02) / 2) ** 2
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
