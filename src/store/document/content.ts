/** Reads the entries of a document that the original program, or this one, wrote. */

import { type AgentMetrics, roundTo3 } from '../../core/aggregate/metrics.ts'
import type { Totals } from '../../core/aggregate/summary.ts'
import type { AttemptKey, DecidedAttempt } from '../../core/attempt/attempt.ts'
import { ATTEMPT_FIELDS } from '../../core/attempt/fields.ts'
import { type Instant, parseTimestamp, printWithOffset } from '../../core/attempt/timestamp.ts'
import { attemptProblems, isAttempt, nameProblem } from '../../core/attempt/validation.ts'
import type { AttemptRecord, BaselineRecord } from '../../core/fold.ts'
import type { Steps } from '../../core/steps.ts'
import { isObject, type ParsedDocument } from './document.ts'
import { createListedIds } from './listed-ids.ts'

/** An attempt that a document lists. Its id is derived from the document, so that it counts once, however it is brought in. */
export interface ListedAttempt {
  readonly attempt: DecidedAttempt
  readonly at: Instant
}

/** What a document states. */
export interface DocumentContent {
  /** One for each entry, in order: what it counts beyond the attempts that it lists. */
  readonly baselines: readonly Pick<BaselineRecord, 'key' | 'totals'>[]
  /** In order of time. Those of one entry stay in the order of the document. */
  readonly attempts: readonly ListedAttempt[]
  /** Invalid entries and attempts, and why they are invalid. */
  readonly damaged: readonly { readonly entry: string; readonly reason: string }[]
}

interface Entry {
  readonly key: AttemptKey
  readonly successes: number
  readonly failures: number
  readonly averageConfidence: number
  readonly averageTime: number
  readonly attempts: readonly ListedAttempt[]
}

/** Reads all entries, step by step. An invalid entry is left out. An invalid attempt is not listed, but stays in the totals of its entry. */
export function* readContent(document: Pick<ParsedDocument, 'metrics'>): Steps<DocumentContent> {
  const baselines: Pick<BaselineRecord, 'key' | 'totals'>[] = []
  const attempts: (ListedAttempt & { readonly sortMs: number })[] = []
  const damaged: { entry: string; reason: string }[] = []
  for (const [name, value] of Object.entries(document.metrics)) {
    const entry = readEntry(name, value, reason => damaged.push({ entry: name, reason }))
    if (entry === undefined) continue
    baselines.push({ key: entry.key, totals: totalsBeyondList(entry) })
    // The list of a key is its order of receipt, whatever times it states.
    let sortMs = Number.NEGATIVE_INFINITY
    for (const listed of entry.attempts) {
      sortMs = Math.max(sortMs, listed.at.ms)
      attempts.push({ ...listed, sortMs })
    }
    yield
  }
  attempts.sort((a, b) => a.sortMs - b.sortMs)
  return { baselines, attempts, damaged }
}

/** The records that lead to the state of the document, received at `nowMs`. */
export function* recordsOf(
  { baselines, attempts }: DocumentContent,
  nowMs: number,
): Generator<BaselineRecord | AttemptRecord> {
  for (const baseline of baselines) yield { kind: 'baseline', nowMs, idMs: nowMs, ...baseline }
  for (const { attempt, at } of attempts) yield { kind: 'attempt', nowMs, idMs: nowMs, attempt, at }
}

/** What an entry counts beyond the attempts that it lists. No number is invented: sums follow from the averages. */
function totalsBeyondList(entry: Entry): Totals {
  const total = entry.successes + entry.failures
  const older = total - entry.attempts.length
  let succeeded = 0
  let stated = 0
  let confidence = 0
  let time = 0
  for (const { attempt } of entry.attempts) {
    if (attempt.success) succeeded++
    if (typeof attempt.confidence === 'number') stated++
    confidence += attempt.confidence ?? 0
    time += attempt.time_seconds
  }
  if (older > 0) {
    // An average of zero may be that of no stated confidence at all.
    const olderStated = entry.averageConfidence > 0 ? older : 0
    return {
      successes: entry.successes - succeeded,
      failures: older - (entry.successes - succeeded),
      time_seconds: Math.max(0, entry.averageTime * total - time),
      stated: olderStated,
      confidence: Math.min(olderStated, Math.max(0, entry.averageConfidence * (olderStated + stated) - confidence)),
    }
  }
  // The running averages of the original program can differ from the mean in the last decimal. The document's value stays the answer.
  return {
    successes: 0,
    failures: 0,
    stated: 0,
    time_seconds: roundTo3(time / total) === entry.averageTime ? 0 : entry.averageTime * total - time,
    confidence:
      roundTo3(confidence / stated) === entry.averageConfidence ? 0 : entry.averageConfidence * stated - confidence,
  }
}

function readEntry(name: string, value: unknown, report: (reason: string) => void): Entry | undefined {
  const problem = entryProblem(value)
  if (problem !== undefined) {
    report(problem)
    return undefined
  }
  const given = value as unknown as AgentMetrics
  const key: AttemptKey = { agent_name: given.agent_name, model_name: given.model_name, issue_type: given.issue_type }
  const attempts: ListedAttempt[] = []
  const idOf = createListedIds(name)
  for (const recent of given.recent_results) {
    const attempt = readAttempt(recent, key, idOf(recent))
    if (typeof attempt === 'string') report(attempt)
    else attempts.push(attempt)
  }
  const succeeded = attempts.filter(({ attempt }) => attempt.success).length
  if (succeeded > given.successful_fixes || attempts.length - succeeded > given.failed_fixes) {
    report('it lists more attempts than it counts')
    return undefined
  }
  return {
    key,
    successes: given.successful_fixes,
    failures: given.failed_fixes,
    averageConfidence: given.avg_confidence,
    averageTime: given.avg_time_seconds,
    attempts,
  }
}

function entryProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object'
  for (const name of ['agent_name', 'model_name', 'issue_type']) {
    const problem = nameProblem(value[name])
    if (problem !== undefined) return `${name} ${problem}`
  }
  for (const name of ['total_attempts', 'successful_fixes', 'failed_fixes']) {
    if (!Number.isSafeInteger(value[name]) || (value[name] as number) < 0) return `${name} is no count`
  }
  if ((value.successful_fixes as number) + (value.failed_fixes as number) !== value.total_attempts) {
    return 'total_attempts is not the sum of successful_fixes and failed_fixes'
  }
  if (!isWithin(value.avg_confidence, 1)) return 'avg_confidence is not from 0 to 1'
  if (!isWithin(value.avg_time_seconds, ATTEMPT_FIELDS.time_seconds.max)) return 'avg_time_seconds is no time'
  return Array.isArray(value.recent_results) ? undefined : 'recent_results is no list'
}

function isWithin(value: unknown, max: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= max
}

/** An attempt of the list, or what is wrong with it. */
function readAttempt(value: unknown, key: AttemptKey, attempt_id: string): ListedAttempt | string {
  let at: Instant | undefined
  const isTimestamp = (text: string): boolean => {
    at = parseTimestamp(text)
    return at !== undefined
  }
  if (!isAttempt(value, isTimestamp)) {
    const problem = attemptProblems(value, isTimestamp)[0]!
    return `recent_results: ${problem.pointer} ${problem.detail}`
  }
  if (at === undefined) return 'recent_results: /timestamp is required'
  if (value.success === undefined) return 'recent_results: /success is required'
  const isOfKey = value.agent_name === key.agent_name && value.model_name === key.model_name
  return isOfKey && value.issue_type === key.issue_type
    ? resolved({ ...(value as DecidedAttempt), attempt_id }, at)
    : 'recent_results: an attempt of another key'
}

/** Adds the offset to a time without a zone: another zone at the next start would move it. The document shows it as it was. */
function resolved(attempt: DecidedAttempt, at: Instant): ListedAttempt {
  if (!at.local) return { attempt, at }
  const offsetMinutes = -new Date(at.ms).getTimezoneOffset()
  const timestamp = printWithOffset(at.ms, offsetMinutes)
  return { attempt: { ...attempt, timestamp }, at: { ms: at.ms, local: false, offsetMinutes } }
}
