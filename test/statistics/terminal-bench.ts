/** Attempts of Terminal-Bench, and exact answers about them by other algorithms than the sidecar uses. */
import { readFileSync } from 'node:fs'
import { createTally } from '../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../src/core/ports.ts'
import type { Counts } from '../../src/core/statistics/counts.ts'

/** The counts of one task with one agent and model. */
export interface Cell extends Counts {
  readonly task: string
  readonly name: string
}

const lines = readFileSync(new URL('../fixtures/terminal-bench.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
const [titles, ...rows] = lines.filter(line => !line.startsWith('#')).map(line => line.split(' '))
export const names: readonly string[] = titles!.slice(1)
export const cells: readonly Cell[] = rows.flatMap(([task, ...counts]) =>
  counts.map((text, i) => {
    const [successes, attempts] = text.split('/').map(Number)
    return { task: task!, name: names[i]!, successes: successes!, attempts: attempts! }
  }),
)
export const tasks: readonly string[] = rows.map(([task]) => task!)

/** The keys of a sidecar that recorded these attempts. */
export function keysOf(some: readonly Cell[]): readonly KeySummary[] {
  const tally = createTally({ maxKeys: 1000, maxArms: 0, tiers: [] })
  for (const { task, name, successes, attempts } of some) {
    const [agent_name, model_name] = name.split(':') as [string, string]
    for (let i = 0; i < attempts; i++) {
      const attempt = { agent_name, model_name, issue_type: task, success: i < successes, time_seconds: 1 }
      tally.add({ ...attempt, timestamp: '1970-01-01T00:00:00Z' }, { ms: 0, local: false }, 0)
    }
  }
  return tally.keys()
}

export function sumOf(some: readonly Counts[]): Counts {
  return {
    successes: some.reduce((sum, { successes }) => sum + successes, 0),
    attempts: some.reduce((sum, { attempts }) => sum + attempts, 0),
  }
}

/** All attempts of each of {@link names}. */
export const overall: readonly Counts[] = names.map(name => sumOf(cells.filter(cell => cell.name === name)))
export const agents: readonly string[] = [...new Set(names.map(name => name.split(':')[0]!))]
/** All attempts of each of {@link agents}. */
export const byAgent: readonly Counts[] = agents.map(agent =>
  sumOf(cells.filter(cell => cell.name.startsWith(`${agent}:`))),
)

function choose(n: number, k: number): bigint {
  let result = 1n
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i)
  return result
}

/** Fisher's exact p-value in integer arithmetic: the share of the tables at most as likely as the observed one. */
export function exactP(a: Counts, b: Counts): number {
  const all = a.successes + b.successes
  const arrangements = (x: number): bigint =>
    x < 0 || x > a.attempts || all - x < 0 || all - x > b.attempts
      ? 0n
      : choose(a.attempts, x) * choose(b.attempts, all - x)
  const observed = arrangements(a.successes)
  let extreme = 0n
  for (let x = 0; x <= all; x++) if (arrangements(x) <= observed) extreme += arrangements(x)
  return Number((extreme * 10n ** 18n) / choose(a.attempts + b.attempts, all)) / 1e18
}

/** The significant pairs of Holm's procedure over all pairs at 5 %, as `better > worse`. */
export function significantPairs(labels: readonly string[], counts: readonly Counts[]): string[] {
  const pairs = counts.flatMap((a, i) => counts.slice(i + 1).map((b, j) => ({ i, j: i + 1 + j, p: exactP(a, b) })))
  pairs.sort((a, b) => a.p - b.p)
  const accepted = pairs.findIndex(({ p }, rank) => p * (pairs.length - rank) > 0.05)
  const rateOf = (i: number): number => counts[i]!.successes / counts[i]!.attempts
  return pairs
    .slice(0, accepted)
    .map(({ i, j }) => (rateOf(i) > rateOf(j) ? `${labels[i]} > ${labels[j]}` : `${labels[j]} > ${labels[i]}`))
    .sort()
}

/** The counts of one agent and model by task. */
function strataOf(name: string): ReadonlyMap<string, Counts> {
  return new Map(cells.filter(cell => cell.name === name).map(cell => [cell.task, cell]))
}

/** The name of a key in the fixture. */
export function nameOf({ key }: KeySummary): string {
  return `${key.agent_name}:${key.model_name}`
}

/**
 * Exact p-value of the hypothesis "no difference in any task". Each task's successes are distributed between the two at
 * random. The p-value is the probability of the sums over all tasks that are at most as likely as the observed one.
 */
export function withinTasksP(one: string, other: string): number {
  let [distribution, observed] = [[1], 0]
  for (const task of tasks) {
    const [a, b] = [strataOf(one).get(task)!, strataOf(other).get(task)!]
    const successes = a.successes + b.successes
    const probabilities = Array.from({ length: a.attempts + 1 }, (_, x) =>
      x <= successes && successes - x <= b.attempts
        ? Number(choose(a.attempts, x) * choose(b.attempts, successes - x)) /
          Number(choose(a.attempts + b.attempts, successes))
        : 0,
    )
    const next = new Array<number>(distribution.length + a.attempts).fill(0)
    for (const [i, p] of distribution.entries()) for (const [x, q] of probabilities.entries()) next[i + x]! += p * q
    distribution = next
    observed += a.successes
  }
  const atObserved = distribution[observed]! * (1 + 1e-9)
  return distribution.reduce((sum, p) => (p <= atObserved ? sum + p : sum), 0)
}
