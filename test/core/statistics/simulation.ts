import {
  type AmountSums,
  addAttempt,
  type CostSums,
  createSummary,
  costs as summaryCosts,
  timeSums,
} from '../../../src/core/aggregate/summary.ts'
import { decisiveEvidence, excludedFromBest } from '../../../src/core/statistics/closed-testing.ts'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { drawGamma, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { logSuperiority } from '../../../src/core/statistics/superiority.ts'

/** A promise of the statistics, and the simulation that tests it. Seeds are fixed. */
export interface Simulation {
  readonly name: string
  readonly promise: string
  run(): Measurement | Promise<Measurement>
}

export interface Measurement {
  readonly measured: string
  readonly holds: boolean
}

/** The share of `runs` runs, 0 to 1, in which `event` happens. */
export function share(runs: number, event: () => boolean): number {
  let happened = 0
  for (let i = 0; i < runs; i++) if (event()) happened++
  return happened / runs
}

export function percent(fraction: number, digits = 1): string {
  return `${(fraction * 100).toFixed(digits)} %`
}

/** Labelled numbers in one line, such as `n = 10: 94.1 %, n = 30: 95.0 %`. */
export function listed(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([label, text]) => `${label}: ${text}`).join(', ')
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** Successes of `attempts` attempts that each succeed with probability `rate`. */
export function drawCounts(random: Random, attempts: number, rate: number): Counts {
  let successes = 0
  for (let i = 0; i < attempts; i++) if (random() < rate) successes++
  return { successes, attempts }
}

/** A distribution of costs, and its true mean. */
export interface CostShape {
  readonly name: string
  readonly mean: number
  draw(random: Random): number
}

export const COST_SHAPES: readonly CostShape[] = [
  { name: 'log-normal, sigma 0.5', mean: Math.exp(0.125), draw: random => Math.exp(0.5 * drawNormal(random)) },
  { name: 'log-normal, sigma 1', mean: Math.exp(0.5), draw: random => Math.exp(drawNormal(random)) },
  { name: 'log-normal, sigma 2', mean: Math.exp(2), draw: random => Math.exp(2 * drawNormal(random)) },
  { name: 'exponential', mean: 1, draw: random => drawGamma(random, 1) },
  {
    name: 'one in five 8 times as dear',
    mean: (0.8 + 0.2 * 8) * Math.exp(0.045),
    draw: random => (random() < 0.2 ? 8 : 1) * Math.exp(0.3 * drawNormal(random)),
  },
]

/** The sums that a summary stores of costs or times. */
export function costSums(costs: readonly number[]): CostSums {
  const summary = createSummary()
  for (const cost_usd of costs) {
    addAttempt(summary, { ...ATTEMPT, time_seconds: 0, cost_usd }, 0)
  }
  return summaryCosts(summary)
}

/** An attempt without its amounts. */
export const ATTEMPT = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, timestamp: '' }

/** Count, sum and squared deviations of any values. */
export function plainSums(values: readonly number[]): { n: number; sum: number; squared_deviations: number } {
  const sum = sumOf(values)
  const mean = sum / values.length
  return { n: values.length, sum, squared_deviations: sumOf(values.map(value => (value - mean) ** 2)) }
}

/** The sums that a summary stores of times. */
export function timeSumsOf(times: readonly number[]): AmountSums {
  const summary = createSummary()
  for (const time_seconds of times) addAttempt(summary, { ...ATTEMPT, time_seconds }, 0)
  return timeSums(summary)
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/**
 * The other `contenders` of `decideBest`, by position among the others, without its posterior and its plan: those take ten times as long, and
 * decide nothing here. best.test.ts shows that they are the same.
 */
export function contendersBeside(leader: Counts, others: readonly Counts[]): number[] {
  const least = decisiveEvidence(others.length + 1, 0.05)
  const evidence = others.map(other => logSuperiority([[leader, other]], least))
  const excluded = excludedFromBest(evidence, others.length + 1, 0.05)
  return [...others.keys()].filter(i => !excluded[i])
}

/** The `decisive` of `decideBest`, see {@link contendersBeside}. */
export function isDecided(leader: Counts, others: readonly Counts[]): boolean {
  return contendersBeside(leader, others).length === 0
}
