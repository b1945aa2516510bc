import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { addAverages } from '../../src/core/aggregate/summary.ts'
import { OVERFLOW_KEY } from '../../src/core/aggregate/tally.ts'
import { keyId } from '../../src/core/attempt/attempt.ts'
import { nameProblem } from '../../src/core/attempt/validation.ts'
import { createExposition } from '../../src/expose/exposition.ts'
import {
  attempt,
  chunksOf,
  count,
  HOSTILE_NAMES,
  key,
  sidecarFacts,
  sourcesOf,
  tallyOf,
  tallyOfKeys,
  textOf,
} from './fixture.ts'
import { type ReadFamily, readText, readValue } from './text-format.ts'

describe('a key', () => {
  const labels = { ...key('fixer') }

  it('exposes counters that equal its totals', async () => {
    const attempts = [
      attempt({ cost_usd: 0.25, input_tokens: 100, output_tokens: 20 }),
      attempt({ success: false, computed_cost_usd: 0.5, input_tokens: 1, cache_read_tokens: 7, cache_write_tokens: 3 }),
      attempt({ timestamp: '2026-03-01T11:30:00.5Z' }),
    ]
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts))))
    expect(readValue(text, 'agent_attempts_total', { ...labels, result: 'success' })).toBe(2)
    expect(readValue(text, 'agent_attempts_total', { ...labels, result: 'failure' })).toBe(1)
    expect(readValue(text, 'agent_attempt_cost_usd_total', labels)).toBe(0.75)
    const tokens = { input: 101, output: 20, cache_read: 7, cache_write: 3 }
    for (const [token_type, sum] of Object.entries(tokens)) {
      expect(readValue(text, 'agent_attempt_tokens_total', { ...labels, token_type })).toBe(sum)
    }
    const last = Date.parse('2026-03-01T11:30:00.5Z') / 1000
    expect(readValue(text, 'agent_last_attempt_timestamp_seconds', labels)).toBe(last)
    // The lower bound of the Wilson interval of 2 in 3.
    expect(readValue(text, 'agent_success_ratio_lower_bound', labels)).toBeCloseTo(0.2077, 4)
  })

  it('exposes cumulative buckets by result, without attempts that did not state the value', async () => {
    const attempts = [
      attempt({ time_seconds: 0.1, confidence: 0.95 }),
      attempt({ time_seconds: 0.3, confidence: null }),
      attempt({ time_seconds: 5000, success: false, confidence: 0.1 }),
    ]
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts))))
    const at = (name: string, result: string, le?: string): number | undefined =>
      readValue(text, name, { ...labels, result, ...(le !== undefined && { le }) })
    const duration = 'agent_attempt_duration_seconds'
    expect(['0.1', '0.2', '0.4', '3276.8', '+Inf'].map(le => at(`${duration}_bucket`, 'success', le))).toEqual([
      1, 1, 2, 2, 2,
    ])
    expect(['0.1', '3276.8', '+Inf'].map(le => at(`${duration}_bucket`, 'failure', le))).toEqual([0, 0, 1])
    expect([at(`${duration}_count`, 'success'), at(`${duration}_sum`, 'success')]).toEqual([2, 0.4])
    expect([at(`${duration}_count`, 'failure'), at(`${duration}_sum`, 'failure')]).toEqual([1, 5000])
    const confidence = 'agent_attempt_confidence'
    expect(['0.9', '1', '+Inf'].map(le => at(`${confidence}_bucket`, 'success', le))).toEqual([0, 1, 1])
    expect(at(`${confidence}_bucket`, 'failure', '0.1')).toBe(1)
    expect([at(`${confidence}_count`, 'success'), at(`${confidence}_sum`, 'success')]).toEqual([1, 0.95])
  })

  it('exposes both results from the first scrape on, with 0 for the one that has not occurred', async () => {
    const text = await textOf(createExposition(sourcesOf(tallyOf([attempt({ success: false })]))))
    for (const name of [
      'agent_attempts_total',
      'agent_attempt_confidence_count',
      'agent_attempt_duration_seconds_count',
    ]) {
      expect(readValue(text, name, { ...labels, result: 'success' })).toBe(0)
    }
    expect(readValue(text, 'agent_attempts_total', { ...labels, result: 'failure' })).toBe(1)
  })

  it('without attempts is exposed with 0, and has no lower bound and no last attempt', async () => {
    const tally = tallyOf()
    tally.open(labels)
    const text = await textOf(createExposition(sourcesOf(tally)))
    expect(readValue(text, 'agent_attempts_total', { ...labels, result: 'success' })).toBe(0)
    expect(readValue(text, 'agent_attempt_cost_usd_total', labels)).toBe(0)
    expect(readValue(text, 'agent_attempt_tokens_total', { ...labels, token_type: 'input' })).toBe(0)
    expect(readValue(text, 'agent_success_ratio_lower_bound', labels)).toBeUndefined()
    expect(readValue(text, 'agent_last_attempt_timestamp_seconds', labels)).toBeUndefined()
  })

  it('counts imported averages in the totals and in no histogram', async () => {
    const tally = tallyOf()
    const adopted = { successes: 40, failures: 10, time_seconds: 600, stated: 50, confidence: 35 }
    addAverages(tally.open(labels).summary, adopted)
    count(tally, attempt())
    const text = await textOf(createExposition(sourcesOf(tally)))
    expect(readValue(text, 'agent_attempts_total', { ...labels, result: 'success' })).toBe(41)
    expect(readValue(text, 'agent_attempt_duration_seconds_count', { ...labels, result: 'success' })).toBe(1)
    expect(readValue(text, 'agent_attempt_duration_seconds_sum', { ...labels, result: 'success' })).toBe(1.5)
  })
})

describe('the text', () => {
  it('is valid without keys', async () => {
    const families = readText(await textOf(createExposition(sourcesOf(tallyOf()))))
    expect(families.get('agent_attempts_total')!.samples).toEqual([])
    expect(families.get('agent_performance_keys')!.samples[0]!.value).toBe(0)
    expect([...families.get('agent_performance_build_info')!.samples[0]!.labels]).toEqual([['version', '1.2.3']])
  })

  it('has separate series for every valid name', async () => {
    const attempts = HOSTILE_NAMES.map(name => attempt({ agent_name: name, model_name: name, issue_type: name }))
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts))))
    for (const name of HOSTILE_NAMES) {
      expect(readValue(text, 'agent_attempts_total', { ...key(name, name, name), result: 'success' }), name).toBe(1)
    }
    expect(readText(text).get('agent_attempts_total')!.samples).toHaveLength(2 * HOSTILE_NAMES.length)
  })

  it('parses to the recorded counts for any names and attempts', async () => {
    const name = fc.oneof(
      fc.constantFrom(...HOSTILE_NAMES),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter(text => nameProblem(text) === undefined),
    )
    const one = fc.record({
      agent_name: name,
      model_name: name,
      issue_type: name,
      success: fc.boolean(),
      confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      time_seconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
      cost_usd: fc.double({ min: 0, max: 1e9, noNaN: true }),
      timestamp: fc.constant('2026-03-01T11:00:00Z'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 30 }), async attempts => {
        const families = readText(await textOf(createExposition(sourcesOf(tallyOf(attempts)))))
        const expected = new Map<string, number>()
        for (const { success, ...names } of attempts) {
          const id = `${keyId(names)} ${success}`
          expected.set(id, (expected.get(id) ?? 0) + 1)
        }
        const read = countsById(families.get('agent_attempts_total')!)
        expect(new Map([...read].filter(([, value]) => value > 0))).toEqual(expected)
        expect(read.size).toBe(2 * new Set(attempts.map(keyId)).size)
        expect(countsById(families.get('agent_attempt_duration_seconds')!, '_count')).toEqual(read)
        expectSoundHistograms(families)
      }),
      { numRuns: 50 },
    )
  })

  it('exposes attempts beyond --max-keys under the overflow key', async () => {
    const attempts = ['a', 'b', 'c', 'd', 'd'].map(agent_name => attempt({ agent_name }))
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts, 2))))
    expect(readValue(text, 'agent_attempts_total', { ...OVERFLOW_KEY, result: 'success' })).toBe(3)
    expect(readValue(text, 'agent_performance_attempts_overflowed_total')).toBe(3)
    expect(readValue(text, 'agent_performance_keys')).toBe(2)
  })

  it('leaves out a metric of the sidecar that has no value, and escapes the labels of its samples', async () => {
    const { ingest, store } = sidecarFacts()
    const facts = {
      ingest: { ...ingest, refused: new Map([['a "b"\\\n', 2]]) },
      store: new Map([...store].filter(([name]) => !name.includes('document_last_success'))),
    }
    const text = await textOf(createExposition(sourcesOf(tallyOf(), facts)))
    expect(readValue(text, 'agent_performance_attempts_refused_total', { reason: 'a "b"\\\n' })).toBe(2)
    expect(text).not.toContain('agent_performance_document_last_success')
  })
})

describe('a scrape', () => {
  it('exposes the same attempts in all families of a key while further attempts are recorded', async () => {
    const tally = tallyOfKeys(300)
    let chunks = 0
    let text = ''
    for await (const chunk of (await createExposition(sourcesOf(tally)).scrape()).body) {
      chunks++
      text += chunk.toString()
      for (const { key } of tally.keys()) count(tally, attempt({ ...key, confidence: 0.5 }))
    }
    expect(chunks).toBeGreaterThan(5)
    const families = readText(text)
    const attempts = countsById(families.get('agent_attempts_total')!)
    expect([...attempts.values()].reduce((sum, n) => sum + n)).toBe(300)
    expect(countsById(families.get('agent_attempt_duration_seconds')!, '_count')).toEqual(attempts)
    expect(countsById(families.get('agent_attempt_confidence')!, '_count')).toEqual(attempts)
  })

  it('yields to the event loop between any two chunks and during the collection', async () => {
    const exposition = createExposition(sourcesOf(tallyOfKeys(2500)))
    let iterations = 0
    let reading = true
    const iterate = (): void => {
      iterations++
      if (reading) setImmediate(iterate)
    }
    setImmediate(iterate)
    await exposition.scrape()
    expect(iterations).toBeGreaterThanOrEqual(2)
    iterations = 0
    const chunks = await chunksOf(exposition)
    reading = false
    expect(iterations).toBeGreaterThanOrEqual(chunks.length)
    expect(Math.max(...chunks.map(chunk => chunk.length))).toBeLessThan(256 * 1024)
  })

  it('shares its collection with concurrent scrapes', async () => {
    const sources = sourcesOf(tallyOfKeys(20))
    const selfMetrics = vi.fn(sources.selfMetrics)
    const exposition = createExposition({ ...sources, selfMetrics })
    const texts = await Promise.all([textOf(exposition), textOf(exposition), textOf(exposition)])
    expect(selfMetrics).toHaveBeenCalledTimes(1)
    expect(new Set(texts).size).toBe(1)
  })

  it('includes every attempt recorded before it, even right after another scrape', async () => {
    const tally = tallyOf()
    const exposition = createExposition(sourcesOf(tally))
    for (let n = 1; n <= 3; n++) {
      count(tally, attempt())
      const text = await textOf(exposition)
      expect(readValue(text, 'agent_attempts_total', { ...key('fixer'), result: 'success' })).toBe(n)
    }
  })

  it('exposes nothing that was cleared, even if as many attempts were recorded since', async () => {
    const tally = tallyOf([attempt({ success: false })])
    const exposition = createExposition(sourcesOf(tally))
    await textOf(exposition)
    tally.clear()
    count(tally, attempt({ model_name: 'other' }))
    const text = await textOf(exposition)
    expect(readValue(text, 'agent_attempts_total', { ...key('fixer', 'other'), result: 'success' })).toBe(1)
    expect(readValue(text, 'agent_attempts_total', { ...key('fixer'), result: 'failure' })).toBeUndefined()
  })

  it('fails if its collection fails, and the next one succeeds', async () => {
    const sources = sourcesOf(tallyOf())
    const selfMetrics = vi.fn(sources.selfMetrics)
    const exposition = createExposition({ ...sources, selfMetrics })
    selfMetrics.mockImplementationOnce(() => {
      throw new Error('no facts')
    })
    await expect(exposition.scrape()).rejects.toThrow('no facts')
    expect(await textOf(exposition)).toContain('agent_performance_keys 0\n')
  })

  it('is complete even if the tally is cleared during it', async () => {
    const tally = tallyOfKeys(2500)
    const text = textOf(createExposition(sourcesOf(tally)))
    tally.clear()
    expect((await text).match(/^agent_attempts_total\{/gm)).toHaveLength(5000)
  })
})

/** Values by key and result of a family's samples with that suffix. */
function countsById(family: ReadFamily, suffix = ''): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { name, labels, value } of family.samples) {
    if (name !== family.name + suffix) continue
    const names = {
      agent_name: labels.get('agent_name')!,
      model_name: labels.get('model_name')!,
      issue_type: labels.get('issue_type')!,
    }
    counts.set(`${keyId(names)} ${labels.get('result') === 'success'}`, value)
  }
  return counts
}

/** Asserts that cumulative buckets never decrease, and that the last one equals the count. */
function expectSoundHistograms(families: ReadonlyMap<string, ReadFamily>): void {
  for (const { type, samples } of families.values()) {
    if (type !== 'histogram') continue
    let below = 0
    let total = 0
    for (const { name, labels, value } of samples) {
      if (name.endsWith('_count')) [below, total] = [0, value]
      if (!name.endsWith('_bucket')) continue
      expect(value).toBeGreaterThanOrEqual(below)
      below = value
      if (labels.get('le') === '+Inf') expect(value).toBe(total)
    }
  }
}
