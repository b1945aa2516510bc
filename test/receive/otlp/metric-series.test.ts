import { readFileSync } from 'node:fs'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../src/core/aggregate/histogram-bounds.ts'
import { createSeries, type Increment, type Series } from '../../../src/core/aggregate/series.ts'
import { keyId } from '../../../src/core/attempt/attempt.ts'
import { extractPoints } from '../../../src/receive/otlp/metrics/extract.ts'
import { countedMetrics } from '../../../src/receive/otlp/metrics/instruments.ts'
import { metricsRequest } from '../../../src/receive/otlp/metrics/schema.ts'
import { createWriters } from '../../../src/receive/otlp/metrics/writers.ts'
import { decodeRequest } from '../../../src/receive/otlp/protobuf/decode.ts'
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

interface Folded {
  readonly increments: readonly Increment[]
  readonly rejected: number
  readonly refused: number
  readonly ignored: number
  readonly problems: readonly string[]
}

/** Adds requests one after the other, as a store does. */
function folding(limit = 100): { fold(request: unknown, nowMs?: number): Folded; readonly series: Series } {
  const series = createSeries({ limit, keepMs: 1e9 })
  const [counted, writers] = [countedMetrics(true, false)!, createWriters()]
  return {
    fold(request, nowMs = Date.now()) {
      const { points, ...extracted } = extractPoints(metricsRequest.parse(request), counted, writers)
      const step = series.step(JSON.parse(JSON.stringify(points)), nowMs)
      series.take(step)
      return { ...extracted, increments: step.increments, refused: step.refused }
    },
    series,
  }
}

const sumOf = (increments: readonly Increment[], metric: string, of?: string, value = 0): number =>
  increments
    .filter(({ measure }) => measure.metric === metric && (of === undefined || ('of' in measure && measure.of === of)))
    .reduce((sum, { values }) => sum + (values[value] ?? 0), 0)

function successes({ increments }: Folded): number {
  return sumOf(increments, 'attempts', 'success')
}

describe('a cumulative counter', () => {
  test('adds the increase, and nothing when a point is repeated', () => {
    const { fold } = folding()
    expect(successes(fold(counter(CUMULATIVE, [{ value: 3, time: 10 }])))).toBe(3)
    expect(successes(fold(counter(CUMULATIVE, [{ value: 5, time: 20 }])))).toBe(2)
    expect(fold(counter(CUMULATIVE, [{ value: 5, time: 20 }])).increments).toEqual([])
  })

  test('counts from the new start time after a reset', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 3, time: 10, start: 1 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 7, time: 40, start: 30 }])))).toBe(7)
  })

  test('treats a fall without a new start time as a reset', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 9, time: 10, start: 0 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 2, time: 40, start: 0 }])))).toBe(2)
  })

  test('adds nothing for a repeated point from before a reset, and what is new in a late one', () => {
    const { fold } = folding()
    fold(counter(CUMULATIVE, [{ value: 3, time: 10, start: 1 }]))
    fold(counter(CUMULATIVE, [{ value: 1, time: 50, start: 40 }]))
    expect(successes(fold(counter(CUMULATIVE, [{ value: 3, time: 10, start: 1 }])))).toBe(0)
    // The last point of the earlier process, or another process with the same resource.
    expect(successes(fold(counter(CUMULATIVE, [{ value: 9, time: 60, start: 1 }])))).toBe(6)
  })

  test('adds up to the true total over repeats and resets', () => {
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

  test('that is rejected does not affect the others', () => {
    const folded = folding().fold(
      counter(CUMULATIVE, [
        { value: -1, time: 1, labels },
        { value: 4, time: 2 },
      ]),
    )
    expect([folded.rejected, successes(folded)]).toEqual([1, 4])
  })

  test('of a metric that the sidecar exposes is ignored, because it may receive its own series', () => {
    const { fold } = folding()
    const { ignored, increments } = fold(counter(CUMULATIVE, [{ value: 1, time: 1 }], 'agent_attempts_total'))
    expect([ignored, increments]).toEqual([1, []])
  })

  test('of another metric, or flagged as having no value, is ignored', () => {
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

  test('of a series beyond the bound is rejected, and known series continue', () => {
    const { fold } = folding(1)
    fold(counter(CUMULATIVE, [{ value: 1, time: 1 }]))
    const other = { value: 1, time: 2, labels: { ...names, result: 'failure' } }
    const folded = fold(counter(CUMULATIVE, [other, { value: 3, time: 2 }]))
    expect([folded.refused, successes(folded)]).toEqual([1, 2])
  })

  test.each([
    ['whose sum no such many could make', { count: '2', sum: 3, bucketCounts: [] }, 'too large'],
    ['whose buckets do not add up', { count: '2', sum: 1, bucketCounts: [...Array(10).fill('0'), '1'] }, 'add up'],
  ])('of a histogram %s is rejected and reported', (_, value, told) => {
    const attributes = attributesOf(labels)
    const point = { attributes, timeUnixNano: '5', explicitBounds: [...CONFIDENCE_BOUNDS], ...value }
    const histogram = { aggregationTemporality: CUMULATIVE, dataPoints: [point] }
    const metrics = [{ name: 'agent.attempt.confidence', histogram }]
    const { rejected, problems } = folding().fold({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
    expect([rejected, problems[0]]).toEqual([1, expect.stringContaining(told)])
  })
})

test('distinguishes the series of different senders, for any order of attributes', () => {
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
  expect(folds.series.states.size).toBe(2)
})

test('distinguishes keys that differ only in the position of a colon', () => {
  const { increments } = folding().fold(
    counter(CUMULATIVE, [
      { value: 1, time: 1, labels: { ...names, agent_name: 'a:b', model_name: 'c', result: 'success' } },
      { value: 2, time: 1, labels: { ...names, agent_name: 'a', model_name: 'b:c', result: 'success' } },
      { value: 3, time: 1, labels: { ...names, agent_name: '__proto__', result: 'failure' } },
    ]),
  )
  expect(increments.map(({ key, measure, values }) => [keyId(key), measure, ...values])).toEqual([
    ['a:b\u0000c\u0000i', { metric: 'attempts', of: 'success' }, 1],
    ['a\u0000b:c\u0000i', { metric: 'attempts', of: 'success' }, 2],
    ['__proto__\u0000m\u0000i', { metric: 'attempts', of: 'failure' }, 3],
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
  const all: Increment[] = []
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
  const buckets = (metric: string, of: string): number[] =>
    Array.from({ length: 17 }, (_, i) => sumOf(all, metric, of, i + 2))
  expect(all.every(({ key }) => JSON.stringify(key) === JSON.stringify(names))).toBe(true)
  expect([sumOf(all, 'attempts', 'success'), sumOf(all, 'attempts', 'failure')]).toEqual([2, 1])
  expect(sumOf(all, 'duration', 'success', 1)).toBeCloseTo(3.05)
  expect(buckets('duration', 'success')).toEqual([1, 0, 0, 0, 0, 1, ...Array(11).fill(0)])
  expect(buckets('duration', 'failure')).toEqual([...Array(16).fill(0), 1])
  expect([sumOf(all, 'confidence', 'success'), sumOf(all, 'confidence', 'failure')]).toEqual([2, 1])
  expect(sumOf(all, 'cost')).toBeCloseTo(0.75)
  expect(sumOf(all, 'tokens', 'cache_read')).toBe(300)
})

test('counters and histograms of the Python SDK give the same totals', () => {
  const body = readFileSync(new URL('../../fixtures/otlp/python-metrics.bin', import.meta.url))
  const { increments, rejected } = folding().fold(decodeRequest('metrics', 'protobuf', body))
  expect(rejected).toBe(0)
  const key = { agent_name: 'planner', model_name: 'claude-sonnet-5', issue_type: 'refactor' }
  expect(increments.every(one => keyId(one.key) === keyId(key) && one.atMs > Date.UTC(2026, 10, 22))).toBe(true)
  expect([sumOf(increments, 'attempts', 'success'), sumOf(increments, 'attempts', 'failure')]).toEqual([3, 1])
  const [duration] = increments.filter(({ measure }) => measure.metric === 'duration')
  expect([duration!.values[0], duration!.values.slice(2)]).toEqual([3, [1, 0, 0, 0, 0, 2, ...Array(11).fill(0)]])
})
