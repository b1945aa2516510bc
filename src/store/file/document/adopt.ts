/** Takes in the documented file as the origin's program, or an earlier store, left it: what it counted, and the last attempts. */

import { type AgentMetrics, roundTo3 } from '../../../core/aggregate/metrics.ts'
import { addAverages } from '../../../core/aggregate/summary.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import type { AgentAttempt, AttemptKey } from '../../../core/attempt/attempt.ts'
import { ATTEMPT_FIELDS } from '../../../core/attempt/fields.ts'
import { type Instant, parseTimestamp, printWithOffset } from '../../../core/attempt/timestamp.ts'
import { attemptProblems, isAttempt, nameProblem } from '../../../core/attempt/validation.ts'
import { isObject, type ParsedDocument } from './document.ts'

/** An attempt that the document held whole. */
export interface AdoptedAttempt {
  readonly attempt: AgentAttempt
  readonly at: Instant
}

export interface Adoption {
  /** In order of time. */
  readonly attempts: readonly AdoptedAttempt[]
  readonly entries: number
  /** Entries, or single attempts in them, that could not be read: which, and why. */
  readonly damaged: readonly { readonly entry: string; readonly reason: string }[]
}

interface Entry {
  readonly key: AttemptKey
  readonly successes: number
  readonly failures: number
  readonly averageConfidence: number
  readonly averageTime: number
  readonly attempts: readonly AdoptedAttempt[]
}

/** Counts all entries of a document, step by step. A damaged entry costs itself, a damaged attempt only its place in the list. */
export function* adopt(document: ParsedDocument, tally: Tally, nowMs: number): Generator<void, Adoption> {
  const attempts: AdoptedAttempt[] = []
  const damaged: { entry: string; reason: string }[] = []
  let entries = 0
  for (const [name, value] of Object.entries(document.metrics)) {
    const entry = readEntry(value, reason => damaged.push({ entry: name, reason }))
    if (entry === undefined) continue
    entries++
    count(entry, tally, nowMs)
    for (const one of entry.attempts) attempts.push(one)
    yield
  }
  attempts.sort((a, b) => a.at.ms - b.at.ms)
  return { attempts, entries, damaged }
}

/** The attempts that are left are counted one by one, what came before them by its totals and averages: no number is made up. */
function count(entry: Entry, tally: Tally, nowMs: number): void {
  const record = tally.hold(entry.key)
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
    addAverages(record.summary, {
      successes: entry.successes - succeeded,
      failures: older - (entry.successes - succeeded),
      time_seconds: Math.max(0, entry.averageTime * total - time),
      stated: olderStated,
      confidence: Math.min(olderStated, Math.max(0, entry.averageConfidence * (olderStated + stated) - confidence)),
    })
  } else {
    // The origin's running averages can differ from the mean in the last decimal: what the file says is what goes on being said.
    addAverages(record.summary, {
      successes: 0,
      failures: 0,
      stated: 0,
      time_seconds: roundTo3(time / total) === entry.averageTime ? 0 : entry.averageTime * total - time,
      confidence:
        roundTo3(confidence / stated) === entry.averageConfidence ? 0 : entry.averageConfidence * stated - confidence,
    })
  }
  for (const { attempt, at } of entry.attempts) tally.add(attempt, at, nowMs)
}

function readEntry(value: unknown, report: (reason: string) => void): Entry | undefined {
  const problem = entryProblem(value)
  if (problem !== undefined) {
    report(problem)
    return undefined
  }
  const given = value as unknown as AgentMetrics
  const key: AttemptKey = { agent_name: given.agent_name, model_name: given.model_name, issue_type: given.issue_type }
  const attempts: AdoptedAttempt[] = []
  for (const recent of given.recent_results) {
    const attempt = readAttempt(recent, key)
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
function readAttempt(value: unknown, key: AttemptKey): AdoptedAttempt | string {
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
  const isOfKey = value.agent_name === key.agent_name && value.model_name === key.model_name
  return isOfKey && value.issue_type === key.issue_type
    ? resolved(value as AgentAttempt, at)
    : 'recent_results: an attempt of another key'
}

/** Adds the offset to a time without a zone: another zone at the next start would move it. The document shows it as it was. */
function resolved(attempt: AgentAttempt, at: Instant): AdoptedAttempt {
  if (!at.local) return { attempt, at }
  const offsetMinutes = -new Date(at.ms).getTimezoneOffset()
  const timestamp = printWithOffset(at.ms, offsetMinutes)
  return { attempt: { ...attempt, timestamp }, at: { ms: at.ms, local: false, offsetMinutes } }
}
