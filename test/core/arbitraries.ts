/** Attempts as they could come: hostile names, edges of every bound, times from years ago to now. */
import fc from 'fast-check'
import type { DecidedAttempt } from '../../src/core/attempt/attempt.ts'
import { printTimestamp } from '../../src/core/attempt/timestamp.ts'

export const NOW_MS: number = Date.UTC(2026, 0, 31, 12)

export const names: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'a:b',
    'b:c',
    'c',
    '__proto__',
    'constructor',
    'toString',
    'llama3:8b',
    '🦊',
    'é',
    'e\u0301',
    ' ',
    'a,b',
  ),
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }).filter(text => !/\p{Cc}/u.test(text)),
)

const confidence = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.constantFrom(0, 0.1, 0.3, 0.5, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
// Squares of times add up exactly, in any order, up to 2^39 (summary.ts): hundreds of attempts of this length.
const LONGEST = 4e4
const seconds = fc.oneof(
  fc.constantFrom(0, 0.1, 0.2, 1e-9, 409.6, LONGEST),
  fc.double({ min: 0, max: LONGEST, noNaN: true }),
)
const count = fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: undefined })

export const attempts: fc.Arbitrary<DecidedAttempt> = fc.record({
  agent_name: names,
  model_name: names,
  issue_type: names,
  success: fc.boolean(),
  confidence,
  time_seconds: seconds,
  timestamp: fc
    .integer({ min: 0, max: 100 * 24 * 60 })
    .map(minutes => printTimestamp({ ms: NOW_MS - minutes * 60_000, local: false })),
  input_tokens: count,
  output_tokens: count,
  cache_read_tokens: count,
  cache_write_tokens: count,
  cost_usd: fc.option(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1000, noNaN: true })), { nil: undefined }),
  experiment: fc.option(fc.constantFrom('prompt', '__proto__'), { nil: undefined }),
  variant: fc.option(fc.constantFrom('old', 'new'), { nil: undefined }),
  task_id: fc.option(fc.oneof(fc.constantFrom('task', '__proto__', 'é'), names), { nil: undefined }),
})

/** Attempts that a sidecar accepts: with an experiment and its variant, or without both. */
export const acceptedAttempts: fc.Arbitrary<DecidedAttempt> = attempts.map(({ experiment, variant, ...rest }) =>
  experiment === undefined || variant === undefined ? rest : { ...rest, experiment, variant },
)
