import { type Attributes, type MeterProvider, metrics } from '@opentelemetry/api'
import type { Histogram } from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, it } from 'vitest'
import { createInstrumentation, type NewAttempt } from '../../src/index.ts'
import { collecting } from './collecting.ts'
import { setMeters, unsetTelemetry, valuesOf } from './telemetry.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }
const whole: NewAttempt = {
  ...labels,
  success: true,
  confidence: 0.8,
  time_seconds: 2.5,
  input_tokens: 1,
  output_tokens: 2,
  cache_read_tokens: 3,
  cache_write_tokens: 4,
  cost_usd: 0.5,
}

afterEach(unsetTelemetry)

describe('the instruments', () => {
  it('are those of the contract, with their units and attributes', async () => {
    const meters = setMeters()
    createInstrumentation().recordAttempt(whole)
    const collected = await meters.collect()
    expect(Object.fromEntries([...collected].map(([name, { unit }]) => [name, unit]))).toEqual({
      'agent.attempts': '{attempt}',
      'agent.attempt.confidence': '1',
      'agent.attempt.duration.seconds': 's',
      'agent.attempt.cost.usd': '{USD}',
      'agent.attempt.tokens': '{token}',
    })
    const attributes = (name: string) => collected.get(name)?.points.map(point => point.attributes)
    expect(attributes('agent.attempts')).toEqual([
      { ...labels, result: 'success' },
      { ...labels, result: 'failure' },
    ])
    expect(attributes('agent.attempt.confidence')).toEqual([{ ...labels, result: 'success' }])
    expect(attributes('agent.attempt.duration.seconds')).toEqual([{ ...labels, result: 'success' }])
    expect(attributes('agent.attempt.cost.usd')).toEqual([labels])
    expect(attributes('agent.attempt.tokens')).toEqual(
      ['input', 'output', 'cache_read', 'cache_write'].map(token_type => ({ ...labels, token_type })),
    )
  })

  it('count what the attempts state', async () => {
    const meters = setMeters()
    const { recordAttempt } = createInstrumentation()
    recordAttempt(whole)
    recordAttempt({ ...whole, success: false, confidence: null })
    const collected = await meters.collect()
    expect(valuesOf(collected.get('agent.attempts'))).toEqual({
      'Fixer gpt bug success': 1,
      'Fixer gpt bug failure': 1,
    })
    expect(valuesOf(collected.get('agent.attempt.confidence'))).toEqual({ 'Fixer gpt bug success': 1 })
    expect(valuesOf(collected.get('agent.attempt.cost.usd'))).toEqual({ 'Fixer gpt bug': 1 })
    expect(valuesOf(collected.get('agent.attempt.tokens'))).toEqual({
      'Fixer gpt bug input': 2,
      'Fixer gpt bug output': 4,
      'Fixer gpt bug cache_read': 6,
      'Fixer gpt bug cache_write': 8,
    })
    expect(collected.get('agent.attempt.duration.seconds')?.points[0]?.value).toMatchObject({ count: 1, sum: 2.5 })
  })

  it('advise the bucket boundaries of the contract', async () => {
    const meters = setMeters()
    createInstrumentation().recordAttempt(whole)
    const collected = await meters.collect()
    const boundaries = (name: string) =>
      (collected.get(name)?.points[0]?.value as Histogram | undefined)?.buckets.boundaries
    expect(boundaries('agent.attempt.confidence')).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    expect(boundaries('agent.attempt.duration.seconds')).toEqual([
      0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8,
    ])
  })
})

describe('both results of a key', () => {
  it('are at 0 from the moment the work starts', async () => {
    const meters = setMeters()
    const { trackAttempt } = createInstrumentation()
    const work = Promise.withResolvers<void>()
    const tracked = trackAttempt(labels, () => work.promise)
    expect(valuesOf((await meters.collect()).get('agent.attempts'))).toEqual({
      'Fixer gpt bug success': 0,
      'Fixer gpt bug failure': 0,
    })
    work.resolve()
    await tracked
    expect(valuesOf((await meters.collect()).get('agent.attempts'))).toEqual({
      'Fixer gpt bug success': 1,
      'Fixer gpt bug failure': 0,
    })
  })

  it('are announced once, and not with every attempt', () => {
    const adds: number[] = []
    metrics.setGlobalMeterProvider(providerThat(value => adds.push(value)))
    const { trackAttempt } = createInstrumentation()
    for (let i = 0; i < 100; i++) trackAttempt(labels, () => i)
    expect(adds.filter(value => value === 0)).toHaveLength(2)
  })

  it('are announced for a key after very many others', () => {
    const announced = new Set<unknown>()
    metrics.setGlobalMeterProvider(
      providerThat((value, { issue_type } = {}) => value === 0 && announced.add(issue_type)),
    )
    const { trackAttempt } = createInstrumentation()
    for (let i = 0; i < 10_500; i++) trackAttempt({ ...labels, issue_type: `type ${i}` }, () => i)
    expect(announced.size).toBe(10_500)
  })
})

describe('the global provider', () => {
  it('counts from the time it is set, also if attempts were recorded before', async () => {
    const { trackAttempt } = createInstrumentation()
    trackAttempt(labels, () => 'no exporter')
    const meters = setMeters()
    trackAttempt(labels, () => 'heard')
    expect(valuesOf((await meters.collect()).get('agent.attempts'))['Fixer gpt bug success']).toBe(1)
  })

  it('may be replaced: the new one receives the next attempt and both results', async () => {
    const { trackAttempt } = createInstrumentation()
    const first = setMeters()
    trackAttempt(labels, () => 1)
    metrics.disable()
    const second = setMeters()
    trackAttempt(labels, () => 2)
    expect(valuesOf((await first.collect()).get('agent.attempts'))).toEqual({
      'Fixer gpt bug success': 1,
      'Fixer gpt bug failure': 0,
    })
    expect(valuesOf((await second.collect()).get('agent.attempts'))).toEqual({
      'Fixer gpt bug success': 1,
      'Fixer gpt bug failure': 0,
    })
  })

  it('may be absent', () => {
    const { instrumentation, attempts } = collecting()
    expect(instrumentation.trackAttempt(labels, () => 1)).toBe(1)
    expect(attempts).toHaveLength(1)
    expect(instrumentation.problems()).toEqual({ labels: 0, describe: 0, attempt: 0, telemetry: 0 })
  })

  it('may throw at any call: the work runs, the attempt is delivered, and the error is counted', () => {
    metrics.setGlobalMeterProvider({
      getMeter: () => {
        throw new Error('broken provider')
      },
    })
    const { instrumentation, attempts } = collecting()
    expect(instrumentation.trackAttempt(labels, () => 1)).toBe(1)
    expect(attempts).toHaveLength(1)
    expect(instrumentation.problems().telemetry).toBeGreaterThan(0)
  })

  it('never receives NaN or a value that it cannot print', async () => {
    const meters = setMeters()
    const { trackAttempt, recordAttempt } = createInstrumentation()
    const said = {
      confidence: Number.NaN,
      cost_usd: Number.NaN,
      input_tokens: -1,
      output_tokens: 3n,
      cache_read_tokens: 0.5,
    }
    trackAttempt(
      labels,
      () => 1,
      () => said as never,
    )
    recordAttempt({ ...whole, agent_name: 5n, cost_usd: Number.POSITIVE_INFINITY, confidence: 2 } as never)
    const collected = await meters.collect()
    const all = [...collected].flatMap(([, { points }]) => points)
    for (const { attributes, value } of all) {
      expect(Object.values(attributes).every(text => typeof text === 'string')).toBe(true)
      expect(Number.isFinite(typeof value === 'number' ? value : value.sum)).toBe(true)
    }
    expect(valuesOf(collected.get('agent.attempts'))).toMatchObject({
      'Fixer gpt bug success': 1,
      'unknown gpt bug success': 1,
    })
    expect(collected.has('agent.attempt.confidence')).toBe(false)
    expect(collected.has('agent.attempt.cost.usd')).toBe(false)
  })
})

function providerThat(onAdd: (value: number, attributes?: Attributes) => void): MeterProvider {
  const instrument = () => ({ add: onAdd, record: () => {} })
  return { getMeter: () => ({ createCounter: instrument, createHistogram: instrument }) as never }
}
