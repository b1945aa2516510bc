/** Attempts by number. The same number has the same content, so that the sums follow from the numbers. */
import { gzipSync } from 'node:zlib'
import type { Random } from '../../src/core/statistics/random.ts'

/** One attempt as it is sent. */
export interface NumberedAttempt {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
  /** Absent: pending. */
  readonly success?: boolean
  readonly confidence: number
  readonly time_seconds: number
  readonly timestamp: string
  readonly attempt_id: string
  readonly error_type?: string
  readonly experiment?: string
  readonly variant?: string
}

/**
 * Attempts end from 28 to 2 days ago: those older than the retention (90 days) would not be listed, agents without recent ones are not watched, and no
 * edge of an asked range is among them.
 */
const EPOCH = Date.now() - 28 * 86_400_000
const SPREAD_SECONDS = 26 * 86_400
/** An error type of the maximum length. Every character takes two bytes in JSON. */
const LONG = '\\'.repeat(256)

/** Attempts from this number on have outcomes, and some of them are pending at first. */
export const FIRST_WITH_OUTCOMES = 1_000_000_000

/** Whether the attempt of a number may have outcomes. One agent has none, so that its alert does not wait for them. */
export const hasOutcomes = (number: number): boolean => number >= FIRST_WITH_OUTCOMES && number % 3 > 0

/** Whether the attempt of a number is recorded without a result. */
export const isPending = (number: number): boolean => hasOutcomes(number) && number % 7 === 3

/** The attempt of a number. Seconds and confidences are binary fractions, so that their sums are exact in any order. */
export function attemptOf(number: number): NumberedAttempt {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0
  return {
    agent_name: `agent-${number % 3}`,
    model_name: `model:${number % 2}`,
    issue_type: number % 5 === 0 ? '__proto__' : 'bug',
    ...(!isPending(number) && { success: mixed % 3 !== 0 }),
    confidence: (mixed % 65) / 64,
    time_seconds: (mixed % 4096) / 4,
    timestamp: new Date(EPOCH + (mixed % SPREAD_SECONDS) * 1000).toISOString(),
    attempt_id: `n${number}`,
    ...(number % 50 === 0 && { error_type: LONG }),
    ...(number % 4 === 0 && { experiment: 'prompt', variant: number % 8 === 0 ? 'long' : 'short' }),
  }
}

/** The number of a listed attempt. NaN if it was not made by {@link attemptOf}. */
export function numberOf(attemptId: string | undefined): number {
  return attemptId?.startsWith('n') ? Number(attemptId.slice(1)) : Number.NaN
}

/** A request that records attempts. */
export interface RecordingRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Longer than the lines that a stream stores in one group. */
const PADDING = ' '.repeat(200 * 1024)

/** A request in a random form: an object, a list, NDJSON or OTLP log records, sometimes padded or gzipped. */
export function requestOf(numbers: readonly number[], random: Random): RecordingRequest {
  const attempts = numbers.map(attemptOf)
  const dice = random()
  if (numbers.length <= 1000 && dice < 0.1) return encoded('/v1/logs', 'application/json', logRecords(attempts), random)
  const asLines = dice < 0.4 || numbers.length > 1000
  if (asLines) return encoded('/api/v1/attempts', 'application/x-ndjson', lines(attempts, random), random)
  const value = attempts.length === 1 ? attempts[0] : attempts
  return encoded('/api/v1/attempts', 'application/json', JSON.stringify(value), random)
}

function lines(attempts: readonly NumberedAttempt[], random: Random): string {
  const padding = attempts.length < 20 && random() < 0.2 ? PADDING : ''
  return attempts.map(one => `${JSON.stringify(one).slice(0, -1)}${padding}}\n`).join('')
}

function logRecords(attempts: readonly NumberedAttempt[]): string {
  const logRecords = attempts.map(one => ({
    timeUnixNano: `${Date.parse(one.timestamp)}000000`,
    eventName: 'agent.attempt',
    attributes: Object.entries(one).map(([key, value]) => ({ key, value: anyValue(value) })),
  }))
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value }
  return typeof value === 'number' ? { doubleValue: value } : { boolValue: value }
}

function encoded(path: string, type: string, text: string, random: Random): RecordingRequest {
  const gzip = random() < 0.1
  const headers = { 'Content-Type': type, ...(gzip && { 'Content-Encoding': 'gzip' }) }
  return { path, headers, body: gzip ? gzipSync(text) : Buffer.from(text) }
}
