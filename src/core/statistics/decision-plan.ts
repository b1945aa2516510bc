/** How many further attempts make a comparison decisive. */
import type { Steps } from '../steps.ts'
import { type Counts, rateOf, shrunkRate } from './counts.ts'
import { normalCdf } from './distributions.ts'
import { evidenceOf } from './intervals.ts'
import { POWER } from './power.ts'
import { rootSearch } from './root.ts'
import { logSuperiority } from './superiority.ts'

/** Above this number of attempts, the plan is null. */
const MAX_ATTEMPTS = 1_000_000
/** The joint probability covers so many contenders: those with the highest estimated rates. Others are decided long before. */
const MAX_PLANNED = 20
/** A larger deviation of a rate, in standard deviations, is neglected. */
const MAX_DEVIATION = 6
/** Boundaries are found to this precision, in standard deviations. */
const PRECISION = 0.01

/**
 * Further attempts of the leader and of every other, until {@link logSuperiority} is at least `least` for all others jointly with 80 %
 * power. Assumes that the true rates are the estimated ones (shrunk towards one half). Null if an estimate is not below the leader's, if a
 * candidate has fewer than 5 attempts, or if more than a million are needed. From one hundred on, the result is up to 1 % above the
 * smallest such number. Rates after the further attempts are taken as normal.
 */
export function* attemptsToDecideSteps(first: Counts, others: readonly Counts[], least: number): Steps<number | null> {
  const isOpen = (other: Counts): boolean => rateOf(first) === rateOf(other) || shrunkRate(first) <= shrunkRate(other)
  if ([first, ...others].some(({ attempts }) => evidenceOf(attempts) === 'insufficient')) return null
  if (others.length === 0 || others.some(isOpen)) return null
  const planned = hardest(others)
  let high = yield* decisionAfter(first, planned, roughly(first, planned[0]!, least), least)
  let low: Decision | undefined
  while (high.power < POWER) {
    low = high
    if (high.more * 2 > MAX_ATTEMPTS) return null
    high = yield* decisionAfter(first, planned, high.more * 2, least)
  }
  while (low === undefined) {
    if (high.more === 1) return 1
    const half = yield* decisionAfter(first, planned, Math.floor(high.more / 2), least)
    if (half.power < POWER) low = half
    else high = half
  }
  return between(low, high, first, planned)
}

/** The smallest number of further attempts with enough power. Between two decisions, gaps are powers of all attempts. */
function between(low: Decision, high: Decision, first: Counts, others: readonly Counts[]): number {
  const gapsAt = (more: number): readonly number[] =>
    high.gaps.map((gap, i) => {
      const total = (added: number): number => Math.sqrt((first.attempts + added) * (others[i]!.attempts + added))
      const slope = Math.log(low.gaps[i]! / gap) / Math.log(total(low.more) / total(high.more))
      return gap * (total(more) / total(high.more)) ** (Number.isFinite(slope) ? slope : -0.5)
    })
  let [least, most] = [low.more, high.more]
  while (most - least > Math.max(1, most / 100)) {
    const middle = Math.floor((least + most) / 2)
    if (jointPower(first, others, middle, gapsAt(middle)) < POWER) least = middle
    else most = middle
  }
  return most
}

/** The others that need most attempts, hardest first. */
function hardest(others: readonly Counts[]): readonly Counts[] {
  return others.toSorted((a, b) => shrunkRate(b) - shrunkRate(a) || a.attempts - b.attempts).slice(0, MAX_PLANNED)
}

/** Fewer attempts than are needed, to start the search from: half of those at which the expected evidence is `least`. */
function roughly(first: Counts, other: Counts, least: number): number {
  const [p, q] = [shrunkRate(first), shrunkRate(other)]
  const variance = (p * (1 - p) + q * (1 - q)) / 2
  const attempts = (4 * variance * least) / (p - q) ** 2
  return Math.max(1, Math.floor(attempts / 2 - Math.max(first.attempts, other.attempts)))
}

/** The observed rate after further attempts: approximately normal. */
interface Future {
  readonly attempts: number
  readonly mean: number
  readonly deviation: number
}

function futureOf(counts: Counts, more: number): Future {
  const rate = shrunkRate(counts)
  const attempts = counts.attempts + more
  return {
    attempts,
    mean: (counts.successes + more * rate) / attempts,
    deviation: Math.sqrt(more * rate * (1 - rate)) / attempts,
  }
}

/** Standard normal deviations of the leader's rate over which the joint probability is summed. */
const NODES = Array.from({ length: 17 }, (_, i) => (i - 8) / 2)
const NODE_WEIGHTS = NODES.map(node => Math.exp((-node * node) / 2))
const TOTAL_WEIGHT = NODE_WEIGHTS.reduce((sum, weight) => sum + weight, 0)

/** The state after `more` further attempts: for each other, the gap of observed rates that decides, and the joint power. */
interface Decision {
  readonly more: number
  /** Not complete if the power is too small already. */
  readonly gaps: readonly number[]
  readonly power: number
}

function* decisionAfter(first: Counts, others: readonly Counts[], more: number, least: number): Steps<Decision> {
  const leader = futureOf(first, more)
  const gaps: number[] = []
  let power = 1
  for (const other of others) {
    gaps.push(decisiveGap(leader, futureOf(other, more), least))
    yield
    power = jointPower(first, others, more, gaps)
    if (power < POWER) break
  }
  return { more, gaps, power }
}

/**
 * The probability that the others with a gap are all decided after `more` attempts of each. They depend on each other only
 * through the leader's rate, as in C. W. Dunnett, J. Am. Stat. Assoc. 50 (1955).
 */
function jointPower(first: Counts, others: readonly Counts[], more: number, gaps: readonly number[]): number {
  const leader = futureOf(first, more)
  const products = [...NODE_WEIGHTS]
  for (const [i, gap] of gaps.entries()) {
    const { mean, deviation } = futureOf(others[i]!, more)
    for (const [n, node] of NODES.entries()) {
      products[n]! *= normalCdf((leader.mean + node * leader.deviation - gap - mean) / deviation)
    }
  }
  return products.reduce((sum, product) => sum + product, 0) / TOTAL_WEIGHT
}

/** The smallest difference of the observed rates that decides. Infinite or negatively infinite if none or any does. */
function decisiveGap(leader: Future, other: Future, least: number): number {
  const deviation = Math.hypot(leader.deviation, other.deviation)
  // The most probable combination of rates with a smaller difference shares it in proportion to the variances.
  const ratesAt = (t: number): readonly [number, number] => [
    within01(leader.mean - (t * leader.deviation ** 2) / deviation),
    within01(other.mean + (t * other.deviation ** 2) / deviation),
  ]
  const excess = (t: number): number => {
    const [p, q] = ratesAt(t)
    const a = { successes: p * leader.attempts, attempts: leader.attempts }
    const b = { successes: q * other.attempts, attempts: other.attempts }
    return logSuperiority([[a, b]]) - least
  }
  const [atLow, atHigh] = [excess(-MAX_DEVIATION), excess(MAX_DEVIATION)]
  if (atLow < 0) return Number.POSITIVE_INFINITY
  if (atHigh > 0) return Number.NEGATIVE_INFINITY
  const search = rootSearch(-MAX_DEVIATION, MAX_DEVIATION)
  search.next()
  search.next(atLow)
  let [step, before] = [search.next(atHigh), Number.NaN]
  while (step.done !== true && !(Math.abs(step.value - before) < PRECISION)) {
    before = step.value
    step = search.next(excess(step.value))
  }
  const [p, q] = ratesAt(step.value)
  return p - q
}

function within01(rate: number): number {
  return Math.min(1, Math.max(0, rate))
}
