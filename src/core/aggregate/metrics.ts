/** The documented record of a key, and the documented file that holds one for every key. */
import { type AttemptKey, printKey } from '../attempt/attempt.ts'
import { type KeySummary, type TimeRange, WHOLE_LIFE } from '../ports.ts'
import { KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { type RecentResult, recentResults } from './recent.ts'
import { averageConfidence, averageTime, failures, successes, totalAttempts } from './summary.ts'

/** One entry of the documented file: exactly these fields, in this order; a reader of the origin drops an entry with any other. */
export interface AgentMetrics extends AttemptKey {
  readonly total_attempts: number
  readonly successful_fixes: number
  readonly failed_fixes: number
  /** Mean stated confidence to three decimals; 0 where none was stated. */
  readonly avg_confidence: number
  /** Mean time in seconds to three decimals. */
  readonly avg_time_seconds: number
  /** The last 100 attempts, oldest first. */
  readonly recent_results: readonly RecentResult[]
}

/** The documented file. More may stand beside `metrics`, nothing inside. */
export interface MetricsDocument {
  readonly version: '1.0'
  readonly last_updated: string
  readonly metrics: Record<string, AgentMetrics>
}

/**
 * The documented record of a key; without its recent results where `withRecent` is false. Of a summary of a range, the recent results are those
 * of the last 100 attempts that are in the range.
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

/** `plain`, or with `#2` (`#3`, ...) behind it where that is taken. */
export function freeName(plain: string, taken: { has(name: string): boolean }): string {
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}#${n}`
  return name
}

/**
 * A function that prints keys as `agent:model:issue` and never the same twice: a key that prints like an earlier one gets `#2`
 * (`#3`, ...) behind it. Call it once per key, in the order the keys came.
 */
export function uniqueKeyPrinter(): (key: AttemptKey) => string {
  const taken = new Set<string>()
  return key => {
    const plain = printKey(key)
    // With no colon but the two between the names, nothing else prints like it.
    if (!holdsColon(key)) return plain
    const name = freeName(plain, taken)
    taken.add(name)
    return name
  }
}

/** The printed names of the keys of a list, and what prints those that come to it. */
interface KeyNames {
  readonly names: string[]
  readonly printed: (key: AttemptKey) => string
}

/** Names never change, but to keep one for every key would take too much room: they stay until their room is wanted. */
const known = new WeakMap<readonly KeySummary[], WeakRef<KeyNames>>()

/** The name of each key of a list, as {@link uniqueKeyPrinter} prints it. The same list again, which may have grown, costs next to nothing. */
export function keyNames(summaries: readonly KeySummary[]): readonly string[] {
  return runToCompletion(keyNameSteps(summaries))
}

/** {@link keyNames} in steps. Live: names of further keys may come to it at the next pause. */
export function* keyNameSteps(summaries: readonly KeySummary[]): Steps<readonly string[]> {
  let held = known.get(summaries)?.deref()
  if (held === undefined) {
    held = { names: [], printed: uniqueKeyPrinter() }
    known.set(summaries, new WeakRef(held))
  }
  const { names, printed } = held
  // Another question about the same list may go on with it in a pause: the names themselves say how far they are.
  while (names.length < summaries.length) {
    names.push(printed(summaries[names.length]!.key))
    if (names.length % KEYS_PER_STEP === 0) yield
  }
  return names
}

function holdsColon({ agent_name, model_name, issue_type }: AttemptKey): boolean {
  return agent_name.includes(':') || model_name.includes(':') || issue_type.includes(':')
}

/** An object that may be keyed by any name, `__proto__` too. */
export function namedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const record: Record<string, T> = Object.create(null)
  for (const [name, value] of entries) record[name] = value
  return record
}

/** Rounds to three decimals as Python's `round(x, 3)` does: correctly, and a true tie to the even digit. */
export function roundTo3(value: number): number {
  // Only multiples of 1/16 can be true ties at the fourth decimal, and those scale exactly.
  const scaled = value * 1000
  if ((value * 16) % 1 === 0 && Math.abs(scaled % 1) === 0.5) return (2 * Math.round(scaled / 2)) / 1000
  return value < 1e15 ? Number(value.toFixed(3)) : value
}

/**
 * The text of the documented file, in pieces, one key a line. `entry` makes what stands under a key; `beside` is put beside `metrics`.
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

/** What stands before the first key. */
export function documentHead(lastUpdated: string, beside: Readonly<Record<string, unknown>> = {}): string {
  const more = Object.entries(beside).map(([name, value]) => `,\n"${name}": ${JSON.stringify(value)}`)
  return `{\n"version": "1.0",\n"last_updated": ${JSON.stringify(lastUpdated)}${more.join('')},\n"metrics": {`
}

/** One key and what stands under it. */
export function documentEntry(name: string, entry: AgentMetrics, first: boolean): string {
  return `${first ? '' : ','}\n${JSON.stringify(name)}: ${JSON.stringify(entry)}`
}
