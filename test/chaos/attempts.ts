/** Attempts by number: the same content for the same number, so that whoever knows the numbers knows the sums. */
import { gzipSync } from 'node:zlib'
import type { Random } from '../../src/core/statistics/random.ts'

/** One attempt as it is sent. */
export interface NumberedAttempt {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
  readonly success: boolean
  readonly confidence: number
  readonly time_seconds: number
  readonly timestamp: string
  readonly attempt_id: string
  readonly error_type?: string
}

const EPOCH = Date.parse('2026-01-01T00:00:00Z')
/** As long as an error type may be; every character takes two bytes in JSON. */
const LONG = '\\'.repeat(256)

/** Seconds and confidences are binary fractions: their sums are exact, in whatever order. Every 50th attempt is a long one. */
export function attemptOf(number: number): NumberedAttempt {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0
  return {
    agent_name: `agent-${number % 3}`,
    model_name: `model:${number % 2}`,
    issue_type: number % 5 === 0 ? '__proto__' : 'bug',
    success: mixed % 3 !== 0,
    confidence: (mixed % 65) / 64,
    time_seconds: (mixed % 4096) / 4,
    timestamp: new Date(EPOCH + (mixed % 1_000_000) * 1000).toISOString(),
    attempt_id: `n${number}`,
    ...(number % 50 === 0 && { error_type: LONG }),
  }
}

/** The number of a listed attempt; NaN where it has none of ours. */
export function numberOf(attemptId: string | undefined): number {
  return attemptId?.startsWith('n') ? Number(attemptId.slice(1)) : Number.NaN
}

/** A request that records the attempts: one object, a list or a stream of lines, gzipped now and then. */
export interface RecordingRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export function requestOf(numbers: readonly number[], random: Random): RecordingRequest {
  const attempts = numbers.map(attemptOf)
  const asLines = random() < 0.3 || numbers.length > 1000
  const text = asLines
    ? attempts.map(one => `${JSON.stringify(one)}\n`).join('')
    : JSON.stringify(attempts.length === 1 ? attempts[0] : attempts)
  const gzip = random() < 0.1
  return {
    headers: {
      'Content-Type': asLines ? 'application/x-ndjson' : 'application/json',
      ...(gzip && { 'Content-Encoding': 'gzip' }),
    },
    body: gzip ? gzipSync(text) : Buffer.from(text),
  }
}
