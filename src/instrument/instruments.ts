/** The OpenTelemetry instruments of attempts. They are created at first use, and again when the global provider changes. */
import {
  type Counter,
  createNoopMeter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
} from '@opentelemetry/api'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../core/aggregate/histogram-bounds.ts'
import { type AttemptKey, keyId, type NewAttempt } from '../core/attempt/attempt.ts'

/** The meter before a provider is set. */
const NO_METER = createNoopMeter()

/** Maximum number of remembered keys. Beyond it all keys are announced again, which is harmless. */
const MAX_ANNOUNCED = 10_000

const TOKEN_TYPES = [
  ['input', 'input_tokens'],
  ['output', 'output_tokens'],
  ['cache_read', 'cache_read_tokens'],
  ['cache_write', 'cache_write_tokens'],
] as const satisfies readonly (readonly [string, keyof NewAttempt])[]

interface Instruments {
  readonly attempts: Counter
  readonly confidence: Histogram
  readonly duration: Histogram
  readonly cost: Counter
  readonly tokens: Counter
}

/** Counts attempts by the global `MeterProvider`. Errors of the provider pass through: callers guard. */
export interface AttemptMeter {
  /** Adds 0 to both results of a key, once per key, so that the first attempt is an increase of an existing series. */
  announce(key: AttemptKey): void
  /** Counts a valid attempt, unless it is pending: a NaN would corrupt a series permanently. */
  record(attempt: NewAttempt): void
}

/** Creates a meter that follows the global provider: instruments of the no-op provider stay no-ops after a provider is set. */
export function createAttemptMeter(): AttemptMeter {
  const announced = new Set<string>()
  let provider: MeterProvider | undefined
  let instruments: Instruments | undefined

  /** Undefined while no provider is set. */
  const current = (): Instruments | undefined => {
    const now = metrics.getMeterProvider()
    if (now !== provider) {
      const meter = now.getMeter('agent-performance')
      instruments = meter === NO_METER ? undefined : createInstruments(meter)
      provider = now
      announced.clear()
    }
    return instruments
  }

  return {
    announce: key => {
      const attempts = current()?.attempts
      if (attempts === undefined) return
      const id = keyId(key)
      if (announced.has(id)) return
      if (announced.size >= MAX_ANNOUNCED) announced.clear()
      announced.add(id)
      for (const result of ['success', 'failure']) attempts.add(0, { ...keyAttributes(key), result })
    },
    record: attempt => {
      const counted = current()
      if (counted !== undefined && attempt.success !== undefined) recordOn(counted, attempt)
    },
  }
}

/**
 * The names hold their units, because the Prometheus exporter of OpenTelemetry JS adds none. Exporters that add units find them there and
 * add nothing, so that every exporter prints `agent_attempt_duration_seconds` and `agent_attempt_cost_usd_total`.
 */
function createInstruments(meter: Meter): Instruments {
  return {
    attempts: meter.createCounter('agent.attempts', {
      unit: '{attempt}',
      description: 'Attempts of agents at issues, by result.',
    }),
    confidence: meter.createHistogram('agent.attempt.confidence', {
      unit: '1',
      description: 'Confidence that agents stated in their attempts, 0 to 1.',
      advice: { explicitBucketBoundaries: [...CONFIDENCE_BOUNDS] },
    }),
    duration: meter.createHistogram('agent.attempt.duration.seconds', {
      unit: 's',
      description: 'How long attempts took.',
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] },
    }),
    cost: meter.createCounter('agent.attempt.cost.usd', {
      unit: '{USD}',
      description: 'Cost of attempts as it was reported, in US dollars.',
    }),
    tokens: meter.createCounter('agent.attempt.tokens', {
      unit: '{token}',
      description: 'Tokens that attempts used, by type.',
    }),
  }
}

function recordOn({ attempts, confidence, duration, cost, tokens }: Instruments, attempt: NewAttempt): void {
  const names = keyAttributes(attempt)
  const withResult = { ...names, result: attempt.success ? 'success' : 'failure' }
  attempts.add(1, withResult)
  duration.record(attempt.time_seconds, withResult)
  if (typeof attempt.confidence === 'number') confidence.record(attempt.confidence, withResult)
  if (attempt.cost_usd !== undefined) cost.add(attempt.cost_usd, names)
  for (const [token_type, field] of TOKEN_TYPES) {
    const count = attempt[field]
    if (count !== undefined) tokens.add(count, { ...names, token_type })
  }
}

function keyAttributes({ agent_name, model_name, issue_type }: AttemptKey): Record<keyof AttemptKey, string> {
  return { agent_name, model_name, issue_type }
}
