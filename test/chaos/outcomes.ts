/** Outcomes by attempt number: the same number has the same outcomes, so that what counts at the end follows from the numbers. */
import { gzipSync } from 'node:zlib'
import type { Random } from '../../src/core/statistics/random.ts'
import { attemptOf, hasOutcomes, type RecordingRequest } from './attempts.ts'

/** One outcome of the attempt of a number. */
export interface NumberedOutcome {
  readonly number: number
  /** Its place in {@link outcomesOf}. */
  readonly place: number
  readonly attempt_id: string
  readonly success: boolean
  readonly source: string
  /** Absent: the time of receipt. */
  readonly timestamp?: string
}

const MINUTE_MS = 60_000
/** Two outcomes of one source, which differ in their time, and one of another. */
const SOURCES = ['ci', 'review', 'ci'] as const

/** How many outcomes each of seven attempts has. Pending attempts have their own pattern: one of five stays pending. */
const REPORTED = [0, 1, 1, 0, 3, 0, 2]
const PENDING = [1, 2, 1, 3, 0]

/** The outcomes of an attempt. In half of the attempts, the one that is sent first has the latest time. */
export function outcomesOf(number: number): readonly NumberedOutcome[] {
  if (!hasOutcomes(number)) return []
  const { attempt_id, timestamp: endedAt, success } = attemptOf(number)
  const mixed = Math.imul(number + 7, 0x85ebca6b) >>> 0
  const count = success === undefined ? PENDING[number % PENDING.length]! : REPORTED[mixed % REPORTED.length]!
  return Array.from({ length: count }, (_, place) => {
    const minutes = 1 + (mixed % 2 === 0 ? place : count - place)
    const timestamp = new Date(Date.parse(endedAt) + minutes * MINUTE_MS).toISOString()
    return {
      number,
      place,
      attempt_id,
      success: ((mixed >>> (8 + place)) & 1) === 1,
      source: SOURCES[place]!,
      // Without a time, the order of receipt would decide between two.
      ...((count > 1 || mixed % 3 > 0) && { timestamp }),
    }
  })
}

/** The result that counts: that of the outcome with the latest time among those that are kept, else as reported. Undefined while pending. */
export function finalSuccess(number: number, isKept: (outcome: NumberedOutcome) => boolean): boolean | undefined {
  const kept = outcomesOf(number).filter(isKept)
  const latest = kept.toSorted((a, b) => ((a.timestamp ?? '') < (b.timestamp ?? '') ? 1 : -1))[0]
  return latest === undefined ? attemptOf(number).success : latest.success
}

/** A request in a random form: an object, a list, NDJSON or OTLP log records, sometimes gzipped. */
export function outcomeRequestOf(outcomes: readonly NumberedOutcome[], random: Random): RecordingRequest {
  const dice = random()
  const sent = outcomes.map(({ number: _, place: __, ...outcome }) => outcome)
  // An answer to OTLP does not name unknown attempts. A record without a time has the time of receipt.
  if (dice < 0.1 && outcomes.every(({ timestamp }) => timestamp !== undefined))
    return encoded('/v1/logs', 'application/json', evaluations(outcomes), random)
  if (dice < 0.5) return encoded('/api/v1/outcomes', 'application/x-ndjson', lines(sent), random)
  return encoded('/api/v1/outcomes', 'application/json', JSON.stringify(sent.length === 1 ? sent[0] : sent), random)
}

const lines = (values: readonly object[]): string => values.map(one => `${JSON.stringify(one)}\n`).join('')

function evaluations(outcomes: readonly NumberedOutcome[]): string {
  const logRecords = outcomes.map(({ attempt_id, success, source, timestamp }) => ({
    timeUnixNano: `${Date.parse(timestamp!)}000000`,
    eventName: 'gen_ai.evaluation.result',
    attributes: [
      { key: 'agent.attempt.id', value: { stringValue: attempt_id } },
      { key: 'agent.attempt.success', value: { boolValue: success } },
      { key: 'gen_ai.evaluation.name', value: { stringValue: source } },
    ],
  }))
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
}

function encoded(path: string, type: string, text: string, random: Random): RecordingRequest {
  const gzip = random() < 0.1
  const headers = { 'Content-Type': type, ...(gzip && { 'Content-Encoding': 'gzip' }) }
  return { path, headers, body: gzip ? gzipSync(text) : Buffer.from(text) }
}
