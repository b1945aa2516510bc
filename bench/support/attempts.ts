/** Random attempts to send, over a number of keys. */
import type { AttemptKey, NewAttempt } from '../../src/core/attempt/attempt.ts'
import { createRandom } from '../../src/core/statistics/random.ts'
import { post } from './http-load.ts'

export const ATTEMPTS_PATH = '/api/v1/attempts'

const random = createRandom(7)
const timestamp = new Date().toISOString()

/** The names of key number `key`: 20 agents with 5 models each per issue type. */
export function keyOf(key: number): AttemptKey {
  return {
    agent_name: `agent-number-${String(key % 20).padStart(3, '0')}`,
    model_name: `model-${Math.floor(key / 20) % 5}-2026-06-01`,
    issue_type: `issue-type-${String(Math.floor(key / 100)).padStart(5, '0')}`,
  }
}

/** A random attempt of key number `key`, about 220 bytes as JSON. */
export function attemptOf(key: number): NewAttempt {
  return {
    ...keyOf(key),
    success: random() < 0.7,
    confidence: Math.round(random() * 1000) / 1000,
    time_seconds: Math.round(random() * 300_000) / 1000,
    timestamp,
  }
}

/** `count` attempts that cycle through the keys, starting with key number `from`. */
export function attemptsOf(count: number, keys: number, from = 0): NewAttempt[] {
  return Array.from({ length: count }, (_, at) => attemptOf((from + at) % keys))
}

/** One POST request per key. */
export function singlePosts(keys: number): Buffer[] {
  return attemptsOf(keys, keys).map(attempt => post(ATTEMPTS_PATH, JSON.stringify(attempt)))
}

/** Batches that cover all keys, at least eight. */
function batches(size: number, keys: number): NewAttempt[][] {
  return Array.from({ length: Math.max(8, keys / size) }, (_, at) => attemptsOf(size, keys, at * size))
}

/** POST requests with a JSON array each, which together cover all keys. */
export function batchPosts(size: number, keys: number): Buffer[] {
  return batches(size, keys).map(batch => post(ATTEMPTS_PATH, JSON.stringify(batch)))
}

/** POST requests with NDJSON, one line per attempt. */
export function linesPosts(size: number, keys: number): Buffer[] {
  return batches(size, keys).map(batch => {
    const lines = batch.map(attempt => `${JSON.stringify(attempt)}\n`)
    return post(ATTEMPTS_PATH, lines.join(''), 'application/x-ndjson')
  })
}
