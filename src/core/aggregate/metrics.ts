/** The documented record of a key, and the documented file with one record for every key. */
import { type AttemptKey, printKey } from '../attempt/attempt.ts'
import { type KeySummary, type TimeRange, WHOLE_LIFE } from '../ports.ts'
import { KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { type RecentResult, recentResults } from './recent.ts'
import { averageConfidence, averageTime, failures, successes, totalAttempts } from './summary.ts'

/** One entry of the documented file: exactly these fields, in this order. The Python tracker drops an entry that has any other field. */
export interface AgentMetrics extends AttemptKey {
  readonly total_attempts: number
  readonly successful_fixes: number
  readonly failed_fixes: number
  /** Mean stated confidence to three decimals. 0 if no attempt stated one. */
  readonly avg_confidence: number
  /** Mean time in seconds to three decimals. */
  readonly avg_time_seconds: number
  /** The last 100 attempts, oldest first. */
  readonly recent_results: readonly RecentResult[]
}

/** The documented file. The document may have other members beside `metrics`. Entries of `metrics` must not have other fields. */
export interface MetricsDocument {
  readonly version: '1.0'
  readonly last_updated: string
  readonly metrics: Record<string, AgentMetrics>
}

/**
 * The documented record of a key. Without recent results if `withRecent` is false. For a range, the recent results are those of the last
 * 100 attempts that are in the range.
 */
export function agentMetrics(
  { key, summary, recent }: KeySummary,
  withRecent = true,
  range: TimeRange = WHOLE_LIFE,
): AgentMetrics {
  return {
    agent_name: key.agent_name,
    model_name: key.model_name,
    issue_type: key.issue_type,
    total_attempts: totalAttempts(summary),
    successful_fixes: successes(summary),
    failed_fixes: failures(summary),
    avg_confidence: roundTo3(averageConfidence(summary) ?? 0),
    avg_time_seconds: roundTo3(averageTime(summary)),
    ...(withRecent && { recent_results: [...recentResults(recent, key, range)] }),
  } as AgentMetrics
}

/** `plain`, with the suffix `#2` (`#3`, ...) if it is taken. */
export function freeName(plain: string, taken: { has(name: string): boolean }): string {
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}#${n}`
  return name
}

/**
 * Returns a function that prints keys as `agent:model:issue`, each differently. A key that would print as an earlier one gets the suffix
 * `#2` (`#3`, ...). Call the function once per key, in the order of the keys.
 */
export function uniqueKeyPrinter(): (key: AttemptKey) => string {
  const taken = new Set<string>()
  return key => {
    const plain = printKey(key)
    // With exactly two colons, no other key prints the same text.
    if (!hasColon(key)) return plain
    const name = freeName(plain, taken)
    taken.add(name)
    return name
  }
}

/** The printed names of the keys of a list, and the function that prints the names of appended keys. */
interface KeyNames {
  readonly names: string[]
  readonly printed: (key: AttemptKey) => string
}

/** Names never change. Weak references let the garbage collector free the names of long lists. */
const known = new WeakMap<readonly KeySummary[], WeakRef<KeyNames>>()

/**
 * The name of each key of a list, as {@link uniqueKeyPrinter} prints it. A repeated call for the same list prints only the appended keys.
 */
export function keyNames(summaries: readonly KeySummary[]): readonly string[] {
  return runToCompletion(keyNameSteps(summaries))
}

/** {@link keyNames} in steps. The result is live: names of further keys may be appended whenever the caller yields. */
export function* keyNameSteps(summaries: readonly KeySummary[]): Steps<readonly string[]> {
  let held = known.get(summaries)?.deref()
  if (held === undefined) {
    held = { names: [], printed: uniqueKeyPrinter() }
    known.set(summaries, new WeakRef(held))
  }
  const { names, printed } = held
  // Several callers may interleave here. The length of `names` is the shared position.
  while (names.length < summaries.length) {
    names.push(printed(summaries[names.length]!.key))
    if (names.length % KEYS_PER_STEP === 0) yield
  }
  return names
}

function hasColon({ agent_name, model_name, issue_type }: AttemptKey): boolean {
  return agent_name.includes(':') || model_name.includes(':') || issue_type.includes(':')
}

/** An object without a prototype, so that any name is safe as a key, also `__proto__`. */
export function namedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const record: Record<string, T> = Object.create(null)
  for (const [name, value] of entries) record[name] = value
  return record
}

/** Rounds to three decimals as Python's `round(x, 3)` does: the exact value is rounded, and ties go to the even digit. */
export function roundTo3(value: number): number {
  // Only multiples of 1/16 can be exact ties at the fourth decimal. Scaling them by 1,000 is exact.
  const scaled = value * 1000
  if ((value * 16) % 1 === 0 && Math.abs(scaled % 1) === 0.5) return (2 * Math.round(scaled / 2)) / 1000
  return value < 1e15 ? Number(value.toFixed(3)) : value
}

/**
 * The text of the documented file in pieces, one line per key. `entry` returns the record of a key. `beside` has the other members of the
 * document.
 */
export function* printDocument(
  summaries: Iterable<KeySummary>,
  lastUpdated: string,
  entry: (one: KeySummary) => AgentMetrics = one => agentMetrics(one),
  beside: Readonly<Record<string, unknown>> = {},
): Generator<string> {
  const printed = uniqueKeyPrinter()
  yield documentHead(lastUpdated, beside)
  let first = true
  for (const one of summaries) {
    yield documentEntry(printed(one.key), entry(one), first)
    first = false
  }
  yield '\n}}\n'
}

/** The text before the first key. */
export function documentHead(lastUpdated: string, beside: Readonly<Record<string, unknown>> = {}): string {
  const more = Object.entries(beside).map(([name, value]) => `,\n"${name}": ${JSON.stringify(value)}`)
  return `{\n"version": "1.0",\n"last_updated": ${JSON.stringify(lastUpdated)}${more.join('')},\n"metrics": {`
}

/** The line of one key and its record. */
export function documentEntry(name: string, entry: AgentMetrics, first: boolean): string {
  return `${first ? '' : ','}\n${JSON.stringify(name)}: ${JSON.stringify(entry)}`
}
