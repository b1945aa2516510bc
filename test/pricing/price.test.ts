/** The cost of attempts that report none. */
import { writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calcPrice } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config.ts'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { createPrice, type Price } from '../../src/pricing/price.ts'
import { runCommand } from '../command/run-command.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'

const folder = await mkdtemp(join(tmpdir(), 'prices-'))
let files = 0

function file(text: string): string {
  const path = join(folder, `${++files}.yaml`)
  writeFileSync(path, text)
  return path
}

const PRICES = file(`
cheap: {input: 1, output: 4}
cached: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75}
free: {input: 0, output: 0}
"a:model/with a name": {input: 2, output: 2}
__proto__: {input: 5, output: 5}
gpt-4o: {input: 100, output: 100}
`)

const usage = (more: Record<string, unknown>): NewAttempt => anAttempt(more) as unknown as NewAttempt
const own: Price = createPrice({ overrides: PRICES })
const known: Price = createPrice()
const tokens = { input_tokens: 1000, output_tokens: 100 }

describe('prices of a file', () => {
  test.each([
    ['input and output', { model_name: 'cheap', ...tokens }, 0.0014],
    ['input alone', { model_name: 'cheap', input_tokens: 500_000 }, 0.5],
    ['cached tokens, beside the input', { model_name: 'cached', ...tokens, cache_read_tokens: 10_000 }, 0.0075],
    ['written ones too', { model_name: 'cached', cache_read_tokens: 1e6, cache_write_tokens: 1e6 }, 4.05],
    ['cached tokens without a price of their own', { model_name: 'cheap', cache_read_tokens: 1e6 }, 1],
    ['no tokens at all, which is known', { model_name: 'cached', input_tokens: 0 }, 0],
    ['what is free', { model_name: 'free', ...tokens }, 0],
    ['a name of any form', { model_name: 'a:model/with a name', ...tokens }, 0.0022],
    ['a name such as __proto__', { model_name: '__proto__', ...tokens }, 0.0055],
    ['a model that is known otherwise', { model_name: 'gpt-4o', ...tokens }, 0.11],
  ])('%s', (_, attempt, cost) => {
    expect(own(usage(attempt))).toBeCloseTo(cost, 12)
  })

  test.each([
    ['an attempt without tokens', { model_name: 'cheap' }],
    ['an unknown model', { model_name: 'unheard of', ...tokens }],
    ['a number that is none', { model_name: 'cheap', input_tokens: Number.NaN }],
    ['a number below 0', { model_name: 'cheap', input_tokens: -5 }],
    ['an infinite number', { model_name: 'cheap', input_tokens: Number.POSITIVE_INFINITY }],
    ['digits in a string', { model_name: 'cheap', input_tokens: '1000' }],
    ['more than an attempt may cost', { model_name: 'cached', output_tokens: 1e15 }],
  ])('say nothing, and never 0, of %s', (_, attempt) => {
    expect(own(usage(attempt))).toBeUndefined()
  })

  test('may be JSON', () => {
    const price = createPrice({ overrides: file('{"cheap": {"input": 1, "output": 4}}') })
    expect(price(usage({ model_name: 'cheap', ...tokens }))).toBeCloseTo(0.0014, 12)
  })

  test.each([
    ['cheap: {input: 1}', 'line 1: cheap: output must be a number'],
    ['a: {input: 1, output: 2}\nb: {input: 1, output: -2}', 'line 2: b: output must be 0 or more'],
    ['cheap: {input: 1, output: .nan}', 'line 1: cheap: output must be a number'],
    ['cheap: {input: 1, output: 2, cache: 3}', 'line 1: cheap: cache is none of input, output, cache_read'],
    ['cheap: 5', 'line 1: cheap: must be a map of prices'],
    ['- cheap', 'must be a map of prices by model name'],
    ['a: {input: 1, output: 1}\na: {input: 2, output: 2}', 'line 2'],
    ['a: {input: 1', 'line 1'],
  ])('%j are refused, with the file, the line and the key', (text, fault) => {
    const path = file(text)
    expect(() => createPrice({ overrides: path })).toThrow(ConfigError)
    expect(() => createPrice({ overrides: path })).toThrow(path)
    expect(() => createPrice({ overrides: path })).toThrow(fault)
  })

  test('all faults are reported together', () => {
    const path = file('a: {input: 1}\nb: {output: 1}\nc: {input: 1, output: 1}')
    expect(() => createPrice({ overrides: path })).toThrow(/line 1: a: output[\s\S]*line 2: b: input/)
  })
})

describe('prices of spellings', () => {
  const aliases = new Map([
    ['name', 'name'],
    ['x', 'name'],
    ['y', 'name'],
  ])
  const costOf = (text: string): number | undefined =>
    createPrice({ overrides: file(text), aliases })(usage({ model_name: 'name', input_tokens: 1e6 }))

  test.each([
    ['x: {input: 2, output: 2}', 2],
    ['" x ": {input: 2, output: 2}', 2],
    ['x: {input: 2, output: 2}\ny: {input: 2, output: 2}', 2],
    // The price of the name takes precedence.
    ['x: {input: 2, output: 2}\nname: {input: 3, output: 3}\ny: {input: 4, output: 4}', 3],
    ['other: {input: 2, output: 2}', undefined],
  ])('%j are those of the name: %j', (text, cost) => {
    expect(costOf(text)).toBe(cost)
  })

  test('that differ are refused', () => {
    expect(() => costOf('x: {input: 2, output: 2}\ny: {input: 3, output: 2}')).toThrow(
      /line 2: y: has other prices than x/,
    )
  })
})

describe('known prices', () => {
  const million = (model_name: string, timestamp?: string): number | undefined =>
    known(usage({ model_name, input_tokens: 1e6, ...(timestamp && { timestamp }) }))

  test('are those of the list in the package', () => {
    expect(million('gpt-4o')).toBeCloseTo(2.5, 9)
    expect(known(usage({ model_name: 'claude-sonnet-4-20250514', output_tokens: 1e6 }))).toBeCloseTo(15, 9)
  })

  test.each([
    ['gpt-4o', ['openai/gpt-4o', 'openai:gpt-4o', 'GPT-4o', 'gpt-4o-2024-08-06', 'gpt-4o-20240806', 'azure/gpt-4o']],
    [
      'claude-sonnet-4',
      [
        'anthropic/claude-sonnet-4',
        'claude-sonnet-4-20250514',
        'claude-sonnet-4@20250514',
        'anthropic.claude-sonnet-4-20250514-v1:0',
        'us.anthropic.claude-sonnet-4-20250514-v1:0',
        'bedrock/us-east-1/anthropic.claude-sonnet-4-20250514-v1:0',
        'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0',
        'openrouter/anthropic/claude-sonnet-4',
        'litellm/anthropic/claude-sonnet-4',
      ],
    ],
    ['gemini-2.5-pro', ['models/gemini-2.5-pro', 'google/gemini-2.5-pro', 'vertex_ai/gemini-2.5-pro']],
  ])('%s has one price by all of its names', (name, others) => {
    expect(million(name)).toBeGreaterThan(0)
    expect(others.map(other => [other, million(other)])).toEqual(others.map(other => [other, million(name)]))
  })

  test.each([
    'llama3:8b',
    'deepseek-r1:8b',
    'deepseek/deepseek-r1:free',
    'ollama/gpt-oss-120b',
    'meta-llama/Llama-3.3-70B-Instruct',
    'sonnet',
    'gpt',
    '/',
    'a:',
    '__proto__',
    'constructor',
    'ü👩‍💻',
  ])('%s, which is self-hosted or unknown, has none', name => {
    expect(million(name)).toBeUndefined()
  })

  test('are those of the time of the attempt', () => {
    expect(million('o3', '2025-05-01T00:00:00Z')).toBeCloseTo(10, 9)
    expect(million('o3', '2025-07-01T00:00:00Z')).toBeCloseTo(2, 9)
    expect(million('o3', '2025-07-01T00:00:00')).toBeCloseTo(2, 9)
    expect(million('o3')).toBe(million('o3', new Date().toISOString()))
  })

  test('do not rise with the tokens of an attempt: they are of many requests', () => {
    expect(million('gemini-2.5-pro')).toBeCloseTo(
      10 * known(usage({ model_name: 'gemini-2.5-pro', input_tokens: 1e5 }))!,
      9,
    )
  })

  test('give what the package itself gives, which counts cached tokens as part of the input', () => {
    const count = fc.nat(1e6)
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        fc.constantFrom('gpt-4o', 'claude-haiku-4-5', 'o3'),
        (i, o, r, w, name) => {
          const theirs = calcPrice(
            { input_tokens: i + r + w, output_tokens: o, cache_read_tokens: r, cache_write_tokens: w },
            name,
          )
          const counted = { input_tokens: i, output_tokens: o, cache_read_tokens: r, cache_write_tokens: w }
          expect(known(usage({ model_name: name, ...counted }))).toBeCloseTo(theirs!.total_price, 9)
        },
      ),
    )
  })

  test('never throw for any attempt', () => {
    fc.assert(
      fc.property(fc.string(), fc.anything(), fc.anything(), fc.anything(), (model_name, a, b, timestamp) => {
        const cost = known({ model_name, input_tokens: a, cache_read_tokens: b, timestamp } as never)
        expect(cost === undefined || (Number.isFinite(cost) && cost >= 0)).toBe(true)
      }),
    )
  })

  test('stay correct with ten thousand more models than the cache holds', () => {
    for (let i = 0; i < 20_001; i++) known(usage({ model_name: `model ${i}`, ...tokens }))
    expect(million('gpt-4o')).toBeCloseTo(2.5, 9)
  })
})

describe('a sidecar', () => {
  const SHARED = { agent_name: 'a', issue_type: 'i' }

  test('computes the cost that was not reported, and keeps apart what was reported, computed and is not known', async () => {
    await using sidecar = await testSidecar({ prices: PRICES })
    await sidecar.post([
      anAttempt({ ...SHARED, model_name: 'cheap', ...tokens, cost_usd: 0.5 }),
      anAttempt({ ...SHARED, model_name: 'cheap', ...tokens }),
      anAttempt({ ...SHARED, model_name: 'cached', cache_read_tokens: 1e6, success: false }),
      anAttempt({ ...SHARED, model_name: 'cheap' }),
      anAttempt({ ...SHARED, model_name: 'unheard of', ...tokens }),
    ])
    const costs = (await (await sidecar.get('/api/v1/costs')).json()) as Record<string, never>
    expect(costs.overall).toMatchObject({
      total_attempts: 5,
      reported: 1,
      computed: 2,
      unpriced: 2,
      total_cost_usd: expect.closeTo(0.5 + 0.0014 + 0.3, 9),
      tokens: { input: 3000, output: 300, cache_read: 1e6, cache_write: 0 },
    })
    expect(costs.by_model).toMatchObject({
      cached: { total_attempts: 1, computed: 1, total_cost_usd: expect.closeTo(0.3, 9), cost_per_success: null },
      'unheard of': { unpriced: 1, total_cost_usd: null, cost_per_attempt: null },
    })
    const { attempts } = (await (await sidecar.get('/api/v1/attempts')).json()) as {
      attempts: { model_name: string }[]
    }
    expect(attempts.filter(one => 'computed_cost_usd' in one).map(one => one.model_name)).toEqual(['cached', 'cheap'])
  })

  test('does not start with invalid prices: exit code 78, and the file is named', async () => {
    for (const [path, fault] of [
      [file('cheap: 5'), 'cheap'],
      [join(folder, 'none.yaml'), 'ENOENT'],
    ] as const) {
      const outcome = await runCommand(['serve', '--listen', '127.0.0.1:0', '--prices', path, '--log-level', 'silent'])
      expect(outcome).toMatchObject({ exitCode: 78, stdout: '' })
      expect(outcome.stderr).toContain(path)
      expect(outcome.stderr).toContain(fault)
    }
  })
})

test('what is imported into a store itself is priced as a sidecar does it', async () => {
  const store = join(folder, 'store.json')
  const lines = [
    anAttempt({ model_name: 'cheap', ...tokens }),
    anAttempt({ model_name: 'openai/gpt-4o', input_tokens: 1e6 }),
  ]
  const stdin = lines.map(one => `${JSON.stringify(one)}\n`).join('')
  const env = { AGENT_PERFORMANCE_PRICES: PRICES }
  expect((await runCommand(['import', '-', '--store', store], { stdin, env })).exitCode).toBe(0)
  const { stdout } = await runCommand(['costs', '--store', store, '--json'])
  expect(JSON.parse(stdout).by_model).toMatchObject({
    cheap: { computed: 1, total_cost_usd: expect.closeTo(0.0014, 9) },
    'openai/gpt-4o': { computed: 1, total_cost_usd: expect.closeTo(2.5, 9) },
  })
})
