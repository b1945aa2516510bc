import { readFileSync } from 'node:fs'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../src/core/summary.ts'
import { decodeRequest } from '../../../src/receive/otlp/decode.ts'
import { type Fold, foldMetrics, type KeyIncrement, type SeriesState } from '../../../src/receive/otlp/metric-fold.ts'
import { metricsRequest } from '../../../src/receive/otlp/metric-schema.ts'
import { capture, sendMetrics } from './telemetry.ts'

const names = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
const DELTA = 1
const CUMULATIVE = 2

interface Sent {
  readonly value?: number
  readonly time: number
  readonly start?: number
  readonly labels?: Record<string, string>
}

function attributesOf(labels: Record<string, string>): object[] {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }))
}

/** A request of one counter with the given points. */
function counter(temporality: number, points: readonly Sent[], name = 'agent.attempts'): object {
  const dataPoints = points.map(({ value, time, start = 1, labels = { ...names, result: 'success' } }) => ({
    attributes: attributesOf(labels),
    startTimeUnixNano: String(start),
    timeUnixNano: String(time),
    asDouble: value,
  }))
  const metrics = [{ name, sum: { aggregationTemporality: temporality, isMonotonic: true, dataPoints } }]
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

/** Folds one request after another, and carries the state from one to the next through JSON. */
function folding(maxSeries = 100): { fold(request: unknown): Fold; readonly series: ReadonlyMap<string, SeriesState> } {
  let series = new Map<string, SeriesState>()
  return {
    fold(request) {
      const folded = foldMetrics(metricsRequest.parse(request), series, maxSeries)
      series = new Map(JSON.parse(JSON.stringify([...series, ...folded.changed])))
      return folded
    },
    get series() {
      return series
    },
  }
}

function successes({ increments }: Fold): number {
  return increments.reduce((sum, increment) => sum + increment.success.attempts, 0)
}

describe('a cumulative counter', () => {
  test('adds what is new, and nothing when it is heard again', () => {
    const { fold } = folding()
    expect(successes(fold(counter(CUMULATIVE, [{ value: 3, time: 10 }])))).toBe(3)
    expect(successes(fold(counter(CUMULATIVE, [{ value: 5, time: 20 }])))).toBe(2)
    const again = fold(counter(CUMULATIVE, [{ value: 5, time: 20 }]))
    expect([successes(again), again.duplicates]).toEqual([0, 1])
  })

  test('that says it began anew counts from its new beginning', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 3, time: 10, start: 1 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 7, time: 40, start: 30 }])))).toBe(7)
  })

  test('that fell began anew though it does not say so', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 9, time: 10, start: 0 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 2, time: 40, start: 0 }])))).toBe(2)
  })

  test('heard late, from before it began anew, adds nothing', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 1, time: 50, start: 40 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 9, time: 60, start: 1 }])))).toBe(0)
  })

  test('adds up to what was counted, however often it is heard and begins anew', () => {
    const run = fc.array(fc.nat(50), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(run, { maxLength: 5 }), fc.array(fc.boolean()), (runs, repeats) => {
        const { fold } = folding()
        let clock = 0
        let counted = 0
        for (const steps of runs) {
          const start = ++clock
          let value = 0
          for (const step of steps) {
            value += step
            clock++
            counted += successes(fold(counter(CUMULATIVE, [{ value, time: clock, start }])))
            if (repeats.pop()) counted += successes(fold(counter(CUMULATIVE, [{ value, time: clock, start }])))
          }
        }
        expect(counted).toBe(runs.flat().reduce((sum, step) => sum + step, 0))
      }),
    )
  })
})

describe('a delta counter', () => {
  test('adds every point once', () => {
    const { fold } = folding()
    expect(successes(fold(counter(DELTA, [{ value: 3, time: 10, start: 1 }])))).toBe(3)
    expect(successes(fold(counter(DELTA, [{ value: 3, time: 10, start: 1 }])))).toBe(0)
    expect(successes(fold(counter(DELTA, [{ value: 2, time: 20, start: 10 }])))).toBe(2)
  })
})

describe('a point', () => {
  const labels = { ...names, result: 'success' }
  test.each([
    ['without a key', CUMULATIVE, { value: 1, time: 1, labels: { result: 'success' } }, 'agent_name must be a string'],
    ['without a result', CUMULATIVE, { value: 1, time: 1, labels: names }, 'result'],
    ['of no temporality', 0, { value: 1, time: 1, labels }, 'delta'],
    ['of no time', CUMULATIVE, { value: 1, time: 0, labels }, 'no time'],
    ['without a value', CUMULATIVE, { time: 1, labels }, 'no count'],
    ['below zero', CUMULATIVE, { value: -1, time: 1, labels }, 'no count'],
    ['of half an attempt', CUMULATIVE, { value: 0.5, time: 1, labels }, 'whole number'],
  ] as const)('%s is rejected and told of', (_, temporality, point, told) => {
    const { increments, rejected, problems } = folding().fold(counter(temporality, [point as Sent]))
    expect([increments.length, rejected]).toEqual([0, 1])
    expect(problems[0]).toContain(told)
  })

  test('that is rejected does not sink the others', () => {
    const folded = folding().fold(
      counter(CUMULATIVE, [
        { value: -1, time: 1, labels },
        { value: 4, time: 2 },
      ]),
    )
    expect([folded.rejected, successes(folded)]).toEqual([1, 4])
  })

  test('of another metric, or that says there is no value, is ignored', () => {
    const { fold } = folding()
    expect(fold(counter(CUMULATIVE, [{ value: 1, time: 1 }], 'http.requests'))).toMatchObject({
      ignored: 1,
      rejected: 0,
    })
    const point = { attributes: attributesOf(labels), timeUnixNano: '5', flags: 1 }
    const metrics = [
      { name: 'agent.attempts', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] } },
    ]
    expect(fold({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })).toMatchObject({ ignored: 1, increments: [] })
  })

  test('of a series too many is rejected, and those that are known go on', () => {
    const { fold } = folding(1)
    fold(counter(CUMULATIVE, [{ value: 1, time: 1 }]))
    const other = { value: 1, time: 2, labels: { ...names, result: 'failure' } }
    const folded = fold(counter(CUMULATIVE, [other, { value: 3, time: 2 }]))
    expect([folded.rejected, successes(folded)]).toEqual([1, 2])
  })
})

test('series of different senders are told apart, and the order of attributes does not matter', () => {
  const folds = folding()
  const from = (instance: string, labels: Record<string, string>, time: number): object => {
    const request = counter(CUMULATIVE, [{ value: 5, time, labels }]) as { resourceMetrics: object[] }
    const resource = { attributes: attributesOf({ 'service.instance.id': instance }) }
    return { resourceMetrics: [{ ...request.resourceMetrics[0], resource }] }
  }
  const labels = { ...names, result: 'success' }
  const turned = Object.fromEntries(Object.entries(labels).reverse())
  expect(successes(folds.fold(from('one', labels, 1)))).toBe(5)
  expect(successes(folds.fold(from('two', labels, 1)))).toBe(5)
  expect(successes(folds.fold(from('one', turned, 2)))).toBe(0)
  expect(folds.series.size).toBe(2)
})

test('keys whose names differ only in where a colon stands are told apart', () => {
  const { increments } = folding().fold(
    counter(CUMULATIVE, [
      { value: 1, time: 1, labels: { ...names, agent_name: 'a:b', model_name: 'c', result: 'success' } },
      { value: 2, time: 1, labels: { ...names, agent_name: 'a', model_name: 'b:c', result: 'success' } },
      { value: 3, time: 1, labels: { ...names, agent_name: '__proto__', result: 'failure' } },
    ]),
  )
  expect(increments.map(({ key, success, failure }) => [key.agent_name, success.attempts, failure.attempts])).toEqual([
    ['a:b', 1, 0],
    ['a', 2, 0],
    ['__proto__', 0, 3],
  ])
})

test.each([
  ['delta', AggregationTemporality.DELTA],
  ['cumulative', AggregationTemporality.CUMULATIVE],
] as const)('what the real SDK counts adds up, in %s points, export after export', async (_, temporality) => {
  const memory = new InMemoryMetricExporter(temporality)
  const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 1e9 })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('coordinator')
  const instruments = {
    attempts: meter.createCounter('agent.attempts'),
    duration: meter.createHistogram('agent.attempt.duration', {
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] },
    }),
    confidence: meter.createHistogram('agent.attempt.confidence', {
      advice: { explicitBucketBoundaries: [...CONFIDENCE_BOUNDS] },
    }),
    cost: meter.createCounter('agent.attempt.cost'),
    tokens: meter.createCounter('agent.attempt.tokens'),
  }
  const { fold } = folding()
  const all: KeyIncrement[] = []
  for (const [success, seconds, confidence] of [
    [true, 0.05, 0.9],
    [true, 3, 0.9],
    [false, 5000, 0.15],
  ] as const) {
    const labels = { ...names, result: success ? 'success' : 'failure' }
    instruments.attempts.add(1, labels)
    instruments.duration.record(seconds, labels)
    instruments.confidence.record(confidence, labels)
    instruments.cost.add(0.25, names)
    instruments.tokens.add(100, { ...names, token_type: 'cache_read' })
    await reader.forceFlush()
    const exported = memory.getMetrics().at(-1)!
    const { body } = await capture(url => sendMetrics(url, 'protobuf', exported))
    const folded = fold(decodeRequest('metrics', 'protobuf', body))
    expect(folded).toMatchObject({ rejected: 0, ignored: 0 })
    all.push(...folded.increments)
  }
  await reader.shutdown()
  const sum = (of: (increment: KeyIncrement) => number): number => all.reduce((total, one) => total + of(one), 0)
  const buckets = (of: (increment: KeyIncrement) => readonly number[]): number[] =>
    all.map(of).reduce<number[]>((total, one) => one.map((value, i) => value + (total[i] ?? 0)), [])
  expect(all.every(({ key }) => JSON.stringify(key) === JSON.stringify(names))).toBe(true)
  expect([sum(one => one.success.attempts), sum(one => one.failure.attempts)]).toEqual([2, 1])
  expect(sum(one => one.success.duration.sum)).toBeCloseTo(3.05)
  expect(buckets(one => one.success.duration.buckets)).toEqual([1, 0, 0, 0, 0, 1, ...Array(11).fill(0)])
  expect(buckets(one => one.failure.duration.buckets)).toEqual([...Array(16).fill(0), 1])
  expect([sum(one => one.success.confidence.count), sum(one => one.failure.confidence.count)]).toEqual([2, 1])
  expect(sum(one => one.cost_usd)).toBeCloseTo(0.75)
  expect(sum(one => one.tokens.cache_read)).toBe(300)
})

test("Python's counters and histograms fold into the same", () => {
  const body = readFileSync(new URL('../../fixtures/otlp/python-metrics.bin', import.meta.url))
  const { increments, rejected } = folding().fold(decodeRequest('metrics', 'protobuf', body))
  expect(rejected).toBe(0)
  expect(increments).toMatchObject([
    {
      key: { agent_name: 'planner', model_name: 'claude-sonnet-5', issue_type: 'refactor' },
      success: { attempts: 3, duration: { count: 3, buckets: [1, 0, 0, 0, 0, 2, ...Array(11).fill(0)] } },
      failure: { attempts: 1, duration: { count: 0 } },
      lastUnixNano: 1795373365599820211n,
    },
  ])
})

test('a histogram with bounds that are not ours counts and sums, and fills no bucket', () => {
  const point = {
    attributes: attributesOf({ ...names, result: 'success' }),
    timeUnixNano: '5',
    count: '4',
    sum: 10,
    bucketCounts: ['1', '3'],
    explicitBounds: [1],
  }
  const metrics = [
    { name: 'agent_attempt_duration_seconds', histogram: { aggregationTemporality: CUMULATIVE, dataPoints: [point] } },
  ]
  const [increment] = folding().fold({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }).increments
  expect(increment!.success.duration).toEqual({ count: 4, sum: 10, buckets: Array(17).fill(0) })
})
