/** Metric points of senders that count in their own way: other bounds, other names, other kinds, other processes. */
import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../src/core/aggregate/histogram-bounds.ts'
import { createSeries, type Increment } from '../../../src/core/aggregate/series.ts'
import { extractPoints } from '../../../src/receive/otlp/metrics/extract.ts'
import { countedMetrics } from '../../../src/receive/otlp/metrics/instruments.ts'
import { rebucketExplicit, rebucketExponential } from '../../../src/receive/otlp/metrics/rebucket.ts'
import { metricsRequest } from '../../../src/receive/otlp/metrics/schema.ts'
import { createWriters } from '../../../src/receive/otlp/metrics/writers.ts'
import { decodeRequest } from '../../../src/receive/otlp/protobuf/decode.ts'
import { capture, sendMetrics } from './telemetry.ts'

const [DELTA, CUMULATIVE] = [1, 2]
const names = { agent_name: 'a', model_name: 'm', issue_type: 'i', result: 'success' }

const attributesOf = (labels: Record<string, string>): object[] =>
  Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }))

interface PointOf {
  readonly labels?: Record<string, string>
  readonly [field: string]: unknown
}

/** A point from time 1 to time 2, by default. */
const point = ({ labels = names, ...fields }: PointOf): object => ({
  attributes: attributesOf(labels),
  startTimeUnixNano: '1000000',
  timeUnixNano: '2000000',
  ...fields,
})

const ofResource = (resource: Record<string, string>, ...metrics: object[]): object => ({
  resource: { attributes: attributesOf(resource) },
  scopeMetrics: [{ metrics }],
})
const request = (...metrics: object[]): object => ({ resourceMetrics: [ofResource({}, ...metrics)] })
const counter = (name: string, ...points: object[]): object => ({
  name,
  sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints: points },
})
const histogram = (name: string, ...points: object[]): object => ({
  name,
  unit: 's',
  histogram: { aggregationTemporality: CUMULATIVE, dataPoints: points },
})

interface Counting {
  /** Counts a request. */
  count(body: unknown): {
    readonly rejected: number
    readonly ignored: number
    readonly problems: readonly string[]
    readonly overlapping: number
  }
  readonly increments: Increment[]
  /** Resources that several processes have. */
  tell(): readonly string[]
}

function counting(counted = countedMetrics(true, true)!): Counting {
  const series = createSeries({ limit: 1000, keepMs: 1e9 })
  const writers = createWriters()
  const increments: Increment[] = []
  return {
    count(body) {
      const { points, ...rest } = extractPoints(metricsRequest.parse(body), counted, writers)
      const step = series.step(JSON.parse(JSON.stringify(points)), 5000)
      series.take(step)
      increments.push(...step.increments)
      return rest
    },
    increments,
    tell: writers.tell,
  }
}

function totalOf(increments: readonly Increment[], metric: string, of?: string): number[] {
  const total: number[] = []
  for (const { measure, values } of increments) {
    if (measure.metric !== metric || (of !== undefined && 'of' in measure && measure.of !== of)) continue
    for (const [i, value] of values.entries()) total[i] = (total[i] ?? 0) + value
  }
  return total
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
/** How many values are up to each bound. */
const upTo = (bounds: readonly number[], values: readonly number[]): number[] =>
  bounds.map(bound => values.filter(value => value <= bound).length)
const runningSum = (counts: readonly number[]): number[] => counts.map((_, i) => sum(counts.slice(0, i + 1)))

/** The buckets of explicit bounds, as an SDK fills them: upper bounds are included. */
const bucketsOf = (bounds: readonly number[], values: readonly number[]): number[] =>
  Array.from(
    { length: bounds.length + 1 },
    (_, i) => values.filter(value => value > (bounds[i - 1] ?? -1) && value <= (bounds[i] ?? Infinity)).length,
  )

const seconds = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 60 })

describe('buckets of other bounds', () => {
  test('keep every count, and are wrong at a bound by at most the one bucket that has it inside', () => {
    const bounds = fc.uniqueArray(
      fc.oneof(fc.constantFrom(...DURATION_BOUNDS), fc.double({ min: 0.01, max: 4000, noNaN: true })),
      {
        minLength: 1,
        maxLength: 20,
      },
    )
    fc.assert(
      fc.property(seconds, bounds, (values, unsorted) => {
        const theirs = unsorted.toSorted((a, b) => a - b)
        const counts = bucketsOf(theirs, values)
        const moved = rebucketExplicit(DURATION_BOUNDS, { explicitBounds: theirs, bucketCounts: counts })
        if (typeof moved === 'string') throw new Error(moved)
        expect(sum(moved)).toBe(values.length)
        const [ours, right] = [runningSum(moved), upTo(DURATION_BOUNDS, values)]
        for (const [i, bound] of DURATION_BOUNDS.entries()) {
          const inside = theirs.findIndex(upper => bound <= upper)
          const allowed = theirs.includes(bound) ? 0 : counts.at(inside)!
          expect(Math.abs(ours[i]! - right[i]!)).toBeLessThanOrEqual(allowed)
        }
      }),
    )
  })

  test('of a single bucket, or of none, say nothing about the distribution', () => {
    expect(rebucketExplicit(DURATION_BOUNDS, { explicitBounds: [], bucketCounts: ['4'] })).toEqual([])
    expect(rebucketExplicit(DURATION_BOUNDS, {})).toEqual([])
  })

  test.each([
    ['too few buckets', { explicitBounds: [1, 2], bucketCounts: ['1'] }, '1 buckets for 2 bounds'],
    ['falling bounds', { explicitBounds: [2, 1], bucketCounts: ['1', '1', '1'] }, 'do not rise'],
    ['a bound that is no number', { explicitBounds: [1, 'NaN'], bucketCounts: ['1', '1', '1'] }, 'do not rise'],
  ])('with %s are refused', (_, given, problem) => {
    expect(rebucketExplicit(DURATION_BOUNDS, given)).toContain(problem)
  })
})

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Records values as the real SDK does, in an exponential histogram with few buckets. Returns what it exports after each group. */
async function exported(groups: readonly (readonly number[])[], maxSize = 160): Promise<Buffer[]> {
  const reader = new PulledReader()
  const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize } } as const
  const provider = new MeterProvider({ readers: [reader], views: [{ instrumentName: '*', aggregation }] })
  const instrument = provider.getMeter('coordinator').createHistogram('agent.attempt.duration', { unit: 's' })
  const bodies: Buffer[] = []
  for (const group of groups) {
    for (const value of group) instrument.record(value, names)
    const { resourceMetrics } = await reader.collect()
    bodies.push((await capture(url => sendMetrics(url, 'protobuf', resourceMetrics))).body)
  }
  return bodies
}

describe('an exponential histogram', () => {
  test('keeps every count, and is wrong at a bound by at most the one bucket that has it inside', () => {
    fc.assert(
      fc.property(seconds, fc.integer({ min: -2, max: 6 }), (values, scale) => {
        const indexOf = (value: number): number => Math.ceil(Math.log2(value) * 2 ** scale) - 1
        const positive = values.filter(value => value > 1e-3)
        const indexes = positive.map(indexOf)
        const offset = Math.min(0, ...indexes)
        const bucketCounts = Array.from(
          { length: Math.max(0, ...indexes) - offset + 1 },
          (_, i) => indexes.filter(index => index === offset + i).length,
        )
        const zeroCount = values.length - positive.length
        const given = { scale, zeroCount, positive: { offset, bucketCounts } }
        const moved = rebucketExponential(DURATION_BOUNDS, given)
        if (typeof moved === 'string') throw new Error(moved)
        expect(sum(moved)).toBe(values.length)
        const [ours, right] = [runningSum(moved), upTo(DURATION_BOUNDS, values)]
        for (const [i, bound] of DURATION_BOUNDS.entries()) {
          const allowed = bucketCounts[indexOf(bound) - offset] ?? 0
          expect(Math.abs(ours[i]! - right[i]!)).toBeLessThanOrEqual(allowed)
        }
      }),
    )
  })

  test('of the real SDK gives exact counts and sums, and buckets that are right where a bucket is narrow', async () => {
    const { count, increments } = counting()
    const values = [0, 0.05, 0.3, 3, 3, 40, 5000]
    const [body] = await exported([values])
    expect(count(decodeRequest('metrics', 'protobuf', body!))).toMatchObject({ rejected: 0, ignored: 0 })
    const [total, seconds, ...buckets] = totalOf(increments, 'duration', 'success')
    expect([total, seconds]).toEqual([7, sum(values)])
    expect(runningSum(buckets).slice(0, -1)).toEqual(upTo(DURATION_BOUNDS, values))
  })

  test('that lowers its scale between exports counts nothing again, and takes no count back', async () => {
    const { count, increments } = counting()
    const groups = [
      [0.9, 1.1, 1.5],
      [0.7, 1.7, 3],
      [0.01, 4000],
      [1.5, 1.5],
    ]
    for (const body of await exported(groups, 4)) {
      expect(count(decodeRequest('metrics', 'protobuf', body))).toMatchObject({ rejected: 0 })
    }
    const [total, seconds, ...buckets] = totalOf(increments, 'duration', 'success')
    expect(total).toBe(groups.flat().length)
    expect(seconds).toBeCloseTo(sum(groups.flat()))
    expect(sum(buckets)).toBe(total)
    expect(increments.flatMap(({ values }) => values).filter(value => value < 0)).toEqual([])
  })

  test.each([
    ['with values below 0', { count: '1', sum: 1, negative: { bucketCounts: ['1'] } }, 'below 0'],
    ['of an absurd scale', { count: '1', sum: 1, scale: 1000, positive: { bucketCounts: ['1'] } }, 'scale is 1000'],
    ['whose buckets do not add up', { count: '3', sum: 1, positive: { bucketCounts: ['1'] } }, 'add up'],
  ])('%s is rejected', (_, fields, problem) => {
    const metric = {
      name: 'agent.attempt.duration',
      exponentialHistogram: { aggregationTemporality: CUMULATIVE, dataPoints: [point(fields)] },
    }
    const { rejected, problems } = counting().count(request(metric))
    expect([rejected, problems[0]]).toEqual([1, expect.stringContaining(problem)])
  })
})

test('a histogram with the default bounds of an SDK counts in our buckets, with its exact count and sum', () => {
  const { count, increments } = counting()
  const fields = { count: '4', sum: 40, bucketCounts: ['3', '0', '0', '1'], explicitBounds: [5, 10, 25] }
  count(request(histogram('agent.attempt.duration', point(fields))))
  const [total, seconds, ...buckets] = totalOf(increments, 'duration', 'success')
  expect([total, seconds]).toEqual([4, 40])
  // The middle of 0 to 5 is in the bucket up to 3.2, and values above 25 begin in that up to 25.6.
  expect(buckets).toEqual(DURATION_BOUNDS.concat(Infinity).map(bound => (bound === 3.2 ? 3 : bound === 25.6 ? 1 : 0)))
})

test('a confidence of 1 in an exponential histogram stays a confidence', () => {
  const { count, increments } = counting()
  const fields = { count: '2', sum: 2, scale: 0, positive: { offset: -1, bucketCounts: ['2'] } }
  count(
    request({
      name: 'agent.attempt.confidence',
      exponentialHistogram: { aggregationTemporality: DELTA, dataPoints: [point(fields)] },
    }),
  )
  const [total, , ...buckets] = totalOf(increments, 'confidence', 'success')
  expect([total, sum(buckets), buckets.length]).toEqual([2, 2, CONFIDENCE_BOUNDS.length + 1])
})

describe('the names of the instruments', () => {
  test.each(['agent.attempt.duration', 'agent.attempt.duration.seconds', 'agent.attempt.duration_seconds'])(
    '%s is the duration',
    name => {
      const { count, increments } = counting()
      count(request(histogram(name, point({ count: '2', sum: 3 }))))
      expect(totalOf(increments, 'duration', 'success')).toEqual([2, 3])
    },
  )

  test.each(['agent.attempt.cost', 'agent.attempt.cost.usd', 'agent.attempt.cost_usd'])('%s is the cost', name => {
    const { count, increments } = counting()
    count(request(counter(name, point({ asDouble: 0.5 }))))
    expect(totalOf(increments, 'cost')).toEqual([0.5])
  })

  test.each(['agent_attempts_total', 'agent_attempt_duration_seconds', 'agent_attempt_cost_usd_total'])(
    '%s is ignored, because a sidecar may receive its own series',
    name => {
      const { count, increments } = counting()
      const metrics = [counter(name, point({ asDouble: 1 })), histogram(name, point({ count: '1', sum: 1 }))]
      expect(count(request(...metrics))).toMatchObject({ ignored: 2, rejected: 0 })
      expect(increments).toEqual([])
    },
  )
})

describe('a metric that cannot be counted is a partial success that names it and the remedy', () => {
  const value = point({ asDouble: 1 })
  const distribution = point({ count: '1', sum: 1 })
  const sumOf = (fields: object): object => ({
    aggregationTemporality: CUMULATIVE,
    isMonotonic: true,
    dataPoints: [value],
    ...fields,
  })
  test.each([
    [
      'a gauge',
      { name: 'agent.attempts', gauge: { dataPoints: [value, value] } },
      2,
      'agent.attempts: it is a gauge: create it as a counter',
    ],
    [
      'a summary',
      { name: 'agent.attempt.duration', summary: { dataPoints: [{}] } },
      1,
      'agent.attempt.duration: it is a summary: create it as a histogram',
    ],
    [
      'a histogram of costs',
      { name: 'agent.attempt.cost', histogram: { aggregationTemporality: DELTA, dataPoints: [distribution] } },
      1,
      'create it as a counter',
    ],
    [
      'an up-down counter',
      { name: 'agent.attempts', sum: sumOf({ isMonotonic: false }) },
      1,
      'not as an up-down counter',
    ],
    [
      'no temporality',
      { name: 'agent.attempts', sum: sumOf({ aggregationTemporality: 0 }) },
      1,
      'neither delta nor cumulative',
    ],
    [
      'milliseconds',
      { ...histogram('agent.attempt.duration', distribution), unit: 'ms' },
      1,
      'its unit is "ms": record values in s',
    ],
    ['euros', { name: 'agent.attempt.cost', unit: '{EUR}', sum: sumOf({}) }, 1, 'record values in {USD}'],
    [
      'thousands of tokens',
      { name: 'agent.attempt.tokens', unit: 'k{token}', sum: sumOf({}) },
      1,
      'record values in {token}',
    ],
    ['percent', { ...histogram('agent.attempt.confidence', distribution), unit: '%' }, 1, 'record values in 1'],
  ])('%s', (_, metric, rejected, problem) => {
    const counted = counting()
    const good = counter('agent.attempts', point({ asInt: '2' }))
    const answer = counted.count(request(metric, good))
    expect(answer).toMatchObject({ rejected, problems: [expect.stringContaining(problem)] })
    expect(totalOf(counted.increments, 'attempts')).toEqual([2])
  })

  test.each(['{attempt}', '{run}', '1', ''])('but attempts of the unit "%s" count', unit => {
    const { count, increments } = counting()
    expect(count(request({ ...counter('agent.attempts', point({ asInt: '2' })), unit }))).toMatchObject({ rejected: 0 })
    expect(totalOf(increments, 'attempts')).toEqual([2])
  })
})

describe('gen_ai.invoke_agent.duration', () => {
  const metric = 'gen_ai.invoke_agent.duration'
  const labels = { 'gen_ai.agent.name': 'fixer', 'gen_ai.request.model': 'gpt-4o' }
  const bucketCounts = [0, 0, 0, 0, 1, 2, ...Array<number>(8).fill(0)]
  const fields = { count: '3', sum: 6, bucketCounts, explicitBounds: DURATION_BOUNDS.slice(0, 13) }

  test('counts each run as an attempt with its time, and error.type as its failure', () => {
    const { count, increments } = counting()
    const failed = { ...labels, 'error.type': 'RateLimitError' }
    const runs = [point({ labels, ...fields }), point({ labels: failed, count: '2', sum: 1 })]
    expect(count(request(histogram(metric, ...runs)))).toMatchObject({ rejected: 0, ignored: 0 })
    count(request(histogram(metric, ...runs)))
    expect([totalOf(increments, 'attempts', 'success'), totalOf(increments, 'attempts', 'failure')]).toEqual([[3], [2]])
    expect(totalOf(increments, 'duration', 'success')).toEqual([3, 6, ...bucketCounts.slice(0, 13), 0, 0, 0, 0])
    expect(increments.every(({ key }) => key.agent_name === 'fixer' && key.model_name === 'gpt-4o')).toBe(true)
    expect(increments[0]!.key.issue_type).toBe('unknown')
  })

  test('takes the issue type from the resource, and the model "unknown" where an agent has several', () => {
    const { count, increments } = counting()
    const runs = histogram(metric, point({ labels: { 'gen_ai.agent.name': 'fixer' }, count: '1', sum: 1 }))
    count({ resourceMetrics: [ofResource({ 'agent.attempt.issue_type': 'lint' }, runs)] })
    expect(increments[0]!.key).toEqual({ agent_name: 'fixer', model_name: 'unknown', issue_type: 'lint' })
  })

  test.each([
    ['names no agent', { 'gen_ai.request.model': 'gpt-4o' }],
    ['was aborted', { ...labels, 'error.type': 'AbortError' }],
    ['waits for a person', { ...labels, 'error.type': 'GraphInterrupt' }],
  ])('ignores a run that %s', (_, labels) => {
    const { count, increments } = counting()
    expect(count(request(histogram(metric, point({ labels, count: '1', sum: 1 }))))).toMatchObject({
      ignored: 1,
      rejected: 0,
    })
    expect(increments).toEqual([])
  })

  test('is ignored unless asked for, and counts alone where only it is asked for', () => {
    const both = request(
      histogram(metric, point({ labels, ...fields })),
      counter('agent.attempts', point({ asInt: '7' })),
    )
    const [agent, genAi] = [counting(countedMetrics(true, false)), counting(countedMetrics(false, true))]
    expect(agent.count(both)).toMatchObject({ ignored: 1, rejected: 0 })
    expect(genAi.count(both)).toMatchObject({ ignored: 1, rejected: 0 })
    expect([totalOf(agent.increments, 'attempts'), totalOf(genAi.increments, 'attempts')]).toEqual([[7], [3]])
    expect(countedMetrics(false, false)).toBeUndefined()
  })
})

describe('several processes with one resource', () => {
  const MS = 1_000_000
  const at = (start: number, time: number, value: number, temporality = CUMULATIVE): object => ({
    resourceMetrics: [
      ofResource(
        { 'service.name': 'coordinator', 'process.command': 'x' },
        {
          name: 'agent.attempts',
          sum: {
            aggregationTemporality: temporality,
            isMonotonic: true,
            dataPoints: [point({ startTimeUnixNano: start * MS, timeUnixNano: time * MS, asInt: value })],
          },
        },
      ),
    ],
  })

  test('count together by their start times, and are reported once, by what the resource says of its service', () => {
    const { count, increments, tell } = counting()
    expect(count(at(100, 110, 1)).overlapping).toBe(0)
    expect(count(at(105, 115, 2)).overlapping).toBe(1)
    expect(count(at(100, 120, 3)).overlapping).toBe(1)
    expect(totalOf(increments, 'attempts')).toEqual([5])
    expect(tell()).toEqual(['"service.name=coordinator"'])
    expect(count(at(105, 125, 4)).overlapping).toBe(1)
    expect(tell()).toEqual([])
  })

  test('that follow each other are one process that restarts', () => {
    const { count, tell } = counting()
    const sent = [at(100, 110, 1), at(100, 120, 3), at(120, 130, 1), at(100, 110, 1), at(131, 140, 2)]
    expect(sent.map(one => count(one).overlapping)).toEqual([0, 0, 0, 0, 0])
    expect(tell()).toEqual([])
  })

  test('are found by deltas that overlap, and not by deltas that arrive late or again', () => {
    const { count, increments, tell } = counting()
    const one = [at(0.5, 10, 1, DELTA), at(20, 30, 1, DELTA), at(10, 20, 1, DELTA), at(20, 30, 1, DELTA)]
    expect(one.map(body => count(body).overlapping)).toEqual([0, 0, 0, 0])
    expect(tell()).toEqual([])
    expect(count(at(25, 35, 1, DELTA)).overlapping).toBe(1)
    expect(tell()).toHaveLength(1)
    expect(totalOf(increments, 'attempts')).toEqual([4])
  })
})
