import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyId } from '../../src/core/attempt/attempt.ts'
import { nameProblem } from '../../src/core/attempt/validation.ts'
import { createExposition } from '../../src/expose/exposition.ts'
import { TALLY_FAMILIES } from '../../src/expose/families.ts'
import { SELF_METRICS } from '../../src/sidecar/self-metrics.ts'
import {
  armAttempts,
  attempt,
  count,
  HOSTILE_NAMES,
  key,
  NOW_MS,
  sourcesOf,
  tallyOf,
  tallyOfKeys,
  textOf,
} from './fixture.ts'
import { readValue } from './text-format.ts'

/** The text of OpenTelemetry's exporter, without scope labels and `target_info`. */
async function exporterText(producer: MetricProducer): Promise<string> {
  return new PrometheusSerializer('', false, undefined, true, true).serialize(
    (await producer.collect()).resourceMetrics,
  )
}

describe('the text equals, byte for byte, what the OpenTelemetry exporter prints of the producer', () => {
  it('without keys', async () => {
    const exposition = createExposition(sourcesOf(tallyOf()))
    expect(await textOf(exposition)).toBe(await exporterText(exposition.producer))
  })

  it('with every metric of a sidecar', async () => {
    const attempts = HOSTILE_NAMES.map(name =>
      attempt({ agent_name: name, issue_type: name, confidence: 0.3, cost_usd: 1e-7, experiment: name, variant: name }),
    )
    attempts.push(...armAttempts('le', 'other', 40, 31), ...armAttempts('le', 'le', 50, 12))
    const exposition = createExposition(sourcesOf(tallyOf(attempts)))
    expect(await textOf(exposition)).toBe(await exporterText(exposition.producer))
  })

  it('for many keys, in many chunks', async () => {
    const exposition = createExposition(sourcesOf(tallyOfKeys(1100)))
    expect((await textOf(exposition)) === (await exporterText(exposition.producer))).toBe(true)
  })

  it('for many arms, in many chunks', async () => {
    const arms = Array.from({ length: 400 }, (_, i) => armAttempts(`e${i % 7}`, `v${i}`, 3 + (i % 40), 2 + (i % 2)))
    const exposition = createExposition(sourcesOf(tallyOf(arms.flat())))
    expect((await textOf(exposition)) === (await exporterText(exposition.producer))).toBe(true)
  })

  it('for names of the maximum length that consist of escapes', async () => {
    const names = ['"'.repeat(256), '\\'.repeat(256), '修'.repeat(85), '🦊'.repeat(64), 'n'.repeat(256)]
    const attempts = names.flatMap(agent_name =>
      names.flatMap(model_name => names.map(issue_type => attempt({ agent_name, model_name, issue_type }))),
    )
    const exposition = createExposition(sourcesOf(tallyOf(attempts)))
    expect((await textOf(exposition)) === (await exporterText(exposition.producer))).toBe(true)
  })

  it('for any numbers: integers, thousandths, millionths, large and tiny ones', async () => {
    const decimals = [1, 1000, 1e6].map(unit => fc.integer({ min: 0, max: 1e12 }).map(whole => whole / unit))
    const number = fc.oneof(...decimals, fc.double({ min: 0, max: 1e-5, noNaN: true }), fc.maxSafeNat())
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 30 }), async numbers => {
        const attempts = numbers.map((value, i) =>
          attempt({ agent_name: `${i}`, time_seconds: value, cost_usd: value, input_tokens: Math.trunc(value) }),
        )
        const exposition = createExposition(sourcesOf(tallyOf(attempts)))
        expect(await textOf(exposition)).toBe(await exporterText(exposition.producer))
      }),
      { numRuns: 100 },
    )
  })

  it('for any attempts', async () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 12 })
      .filter(text => nameProblem(text) === undefined)
    const one = fc.record({
      agent_name: name,
      model_name: fc.constantFrom(...HOSTILE_NAMES),
      issue_type: fc.constantFrom('complexity', 'dead-code'),
      experiment: fc.constantFrom(undefined, ...HOSTILE_NAMES),
      variant: fc.constantFrom('old', 'new', '"} 1'),
      success: fc.boolean(),
      confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      time_seconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
      input_tokens: fc.integer({ min: 0, max: 1e12 }),
      cost_usd: fc.double({ min: 0, max: 1e9, noNaN: true }),
      timestamp: fc.constantFrom('2026-03-01T11:00:00Z', '1969-12-31T23:59:59.999Z'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 20 }), async attempts => {
        const exposition = createExposition(sourcesOf(tallyOf(attempts)))
        expect(await textOf(exposition)).toBe(await exporterText(exposition.producer))
      }),
      { numRuns: 50 },
    )
  })
})

describe('the producer', () => {
  it("feeds the SDK's Prometheus exporter", async () => {
    const exposition = createExposition(sourcesOf(tallyOf([attempt()])))
    const reader = new PrometheusExporter({ preventServerStart: true, metricProducers: [exposition.producer] })
    const provider = new MeterProvider({ readers: [reader] })
    const { resourceMetrics, errors } = await reader.collect()
    expect(errors).toEqual([])
    const text = new PrometheusSerializer('', false, undefined, true, true).serialize(resourceMetrics)
    expect(text).toBe(await textOf(exposition))
    await provider.shutdown()
  })

  it('gives an exporter cumulative counters, gauges and histograms in the scope agent-performance', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const { producer } = createExposition(sourcesOf(tallyOf([attempt({ confidence: 0.25 })])))
    const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [producer] })
    const provider = new MeterProvider({ readers: [reader] })
    await provider.forceFlush()
    const [{ scope, metrics } = { scope: undefined, metrics: [] }] = exporter.getMetrics()[0]!.scopeMetrics
    expect(scope).toEqual({ name: 'agent-performance', version: '1.2.3' })
    expect(metrics.map(({ descriptor }) => descriptor.name)).toEqual(
      [...TALLY_FAMILIES, ...SELF_METRICS].map(({ name }) => name),
    )
    const [attempts, confidence] = metrics as [MetricData, MetricData]
    const attributes = { ...key('fixer'), result: 'success' }
    expect(attempts).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: true })
    expect(attempts.dataPoints).toMatchObject([{ attributes, value: 1 }, { value: 0 }])
    expect(confidence.dataPoints[0]).toMatchObject({
      attributes,
      value: {
        count: 1,
        sum: 0.25,
        buckets: {
          boundaries: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
          counts: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        },
      },
    })
    await provider.shutdown()
  })

  it('states no start time, so that totals of an earlier process are not a sudden rise', async () => {
    const { producer } = createExposition({ ...sourcesOf(tallyOf([attempt()])), clock: () => NOW_MS + 1500 })
    const { resourceMetrics } = await producer.collect()
    for (const { dataPoints } of resourceMetrics.scopeMetrics[0]!.metrics) {
      for (const { startTime, endTime } of dataPoints) {
        expect(startTime).toEqual([0, 0])
        expect(endTime).toEqual([NOW_MS / 1000 + 1, 500_000_000])
      }
    }
  })

  it('rejects if the collection fails', async () => {
    const selfMetrics = (): never => {
      throw new Error('no facts')
    }
    const { producer } = createExposition({ ...sourcesOf(tallyOf()), selfMetrics })
    await expect(producer.collect()).rejects.toThrow('no facts')
  })
})

describe('producers among which the keys are divided', () => {
  it('have every key once, each always the same ones, and the first one also experiments and self-metrics', async () => {
    const tally = tallyOfKeys(10)
    const producers = createExposition(sourcesOf(tally)).producers(3)
    const agents = async (producer: MetricProducer): Promise<unknown[]> => {
      const metrics = (await producer.collect()).resourceMetrics.scopeMetrics[0]!.metrics
      const cost = metrics.find(({ descriptor }) => descriptor.name === 'agent_attempt_cost_usd_total')!
      return cost.dataPoints.map(({ attributes }) => attributes.agent_name)
    }
    const before = await Promise.all(producers.map(agents))
    expect(before.flat().sort()).toEqual(tally.keys().map(({ key }) => key.agent_name))
    expect(before.map(({ length }) => length)).toEqual([4, 3, 3])
    count(tally, attempt({ agent_name: 'newcomer' }))
    const after = await Promise.all(producers.map(agents))
    for (const [i, names] of before.entries()) expect(after[i]).toEqual(expect.arrayContaining(names))
    const own = await Promise.all(
      producers.map(async one => (await exporterText(one)).match(/agent_(performance_keys|experiment_e_value) /g)),
    )
    expect(own.map(names => new Set(names).size)).toEqual([2, 0, 0])
  })

  it('together expose what one producer exposes', async () => {
    const exposition = createExposition(sourcesOf(tallyOfKeys(7)))
    const texts = await Promise.all(exposition.producers(2).map(exporterText))
    const whole = await exporterText(exposition.producer)
    for (const { key } of tallyOfKeys(7).keys()) {
      const labels = { ...key, result: 'success' }
      const values = texts
        .map(text => readValue(text, 'agent_attempts_total', labels))
        .filter(value => value !== undefined)
      expect(values, keyId(key)).toEqual([readValue(whole, 'agent_attempts_total', labels)])
    }
  })
})
