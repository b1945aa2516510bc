/** --model-aliases: every way in records a spelling under its name, and every question accepts both. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { requestOf } from '../../src/core/reports/request.ts'
import { type Input, QUESTIONS, type QuestionPath } from '../../src/questions/questions.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { runCommand } from '../command/run-command.ts'
import {
  attemptMetrics,
  type Encoding,
  logRecords,
  sendLogs,
  sendMetrics,
  sendSpans,
  spans,
} from '../receive/otlp/telemetry.ts'
import { anAttempt, capturedLog, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const folder = mkdtempSync(join(tmpdir(), 'model-aliases-'))
function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** `m` is the model of the metrics that the test sends. */
const SPELLINGS = ['claude-x[1m]', 'anthropic/claude-x', 'm']
const ALIASES = file('aliases.json', JSON.stringify({ 'claude-x': SPELLINGS, 'gpt-4o': ['team/gpt'] }))
const PRICES = file('prices.yaml', 'anthropic/claude-x: {input: 3, output: 15}\n"other ": {input: 1, output: 1}\n')

interface Answers {
  get(path: string): Promise<Response>
}

async function keysOf({ get }: Answers, query = ''): Promise<Record<string, number>> {
  const answer = await get(`/api/v1/metrics?recent=false${query}`)
  expect(answer.status).toBe(200)
  const { metrics } = (await answer.json()) as { metrics: Record<string, { total_attempts: number }> }
  return Object.fromEntries(Object.entries(metrics).map(([key, one]) => [key, one.total_attempts]))
}

async function listed({ get }: Answers, query: string): Promise<NewAttempt[]> {
  return ((await (await get(`/api/v1/attempts?limit=1000&${query}`)).json()) as { attempts: NewAttempt[] }).attempts
}

/** The text of all files of a store, as a restart reads it. */
function stored(store: string): string {
  const journal = `${store.slice(0, -'.json'.length)}.journal`
  return readdirSync(journal)
    .map(name => readFileSync(join(journal, name), 'latin1'))
    .join('')
}

describe('with --model-aliases', () => {
  let sidecar: TestSidecar
  beforeAll(async () => {
    const flags = { 'model-aliases': ALIASES, prices: PRICES, 'otlp-metrics': true, 'retention-age': '36500d' }
    sidecar = await testSidecar(flags)
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  const send = async (agent_name: string, how: 'JSON' | 'NDJSON' | 'gzip'): Promise<void> => {
    const timestamp = new Date().toISOString()
    const attempts = [...SPELLINGS, 'claude-x', ' claude-x ', ' other'].map(model_name =>
      // With a timestamp the attempt is complete, so that its received bytes would be stored.
      anAttempt({ agent_name, model_name, timestamp }),
    )
    const lines = attempts.map(one => JSON.stringify(one)).join('\n')
    const headers = how === 'gzip' ? { 'Content-Encoding': 'gzip' } : { 'Content-Type': 'application/x-ndjson' }
    const answer = await (how === 'JSON'
      ? sidecar.post(attempts)
      : sidecar.post(how === 'gzip' ? gzipSync(JSON.stringify(attempts)) : lines, { headers }))
    expect(await answer.json()).toEqual({ accepted: attempts.length, duplicates: 0 })
  }

  test.each(['JSON', 'NDJSON', 'gzip'] as const)(
    'attempts as %s are recorded under the name of their model',
    async how => {
      await send(how, how)
      // A model that is not listed stays as it was sent, white space included.
      expect(await keysOf(sidecar, `&agent_name=${how}`)).toEqual({ [`${how}:claude-x:i`]: 5, [`${how}: other:i`]: 1 })
      const models = (await listed(sidecar, `agent_name=${how}`)).map(one => one.model_name)
      expect(models.sort()).toEqual([' other', ...Array(5).fill('claude-x')])
    },
  )

  test.each<[string, Encoding]>([
    ['log records', 'json'],
    ['log records', 'protobuf'],
    ['spans', 'json'],
    ['spans', 'protobuf'],
  ])('OTLP %s in %s are recorded under the name of their model', async (signal, encoding) => {
    const agent = `${signal} ${encoding}`
    const url = `${sidecar.url}/v1/`
    const models = ['claude-x[1m]', 'claude-x']
    if (signal === 'spans') {
      const attributes = {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': agent,
        'agent.attempt.issue_type': 'i',
      }
      const ended = spans(models.map(model => ({ attributes: { ...attributes, 'gen_ai.request.model': model } })))
      expect(await sendSpans(url, encoding, ended)).toBe(0)
    } else {
      const logs = logRecords(models.map(model_name => anAttempt({ agent_name: agent, model_name }) as never))
      expect(await sendLogs(url, encoding, logs)).toBe(0)
    }
    expect(await keysOf(sidecar, `&agent_name=${encodeURIComponent(agent)}`)).toEqual({ [`${agent}:claude-x:i`]: 2 })
    const attempts = await listed(sidecar, `agent_name=${encodeURIComponent(agent)}`)
    expect(attempts.map(one => one.model_name)).toEqual(['claude-x', 'claude-x'])
  })

  test.each<Encoding>(['json', 'protobuf'])(
    'OTLP metrics in %s count once under the name of their model',
    async encoding => {
      const counting = attemptMetrics()
      const agent_name = `metrics ${encoding}`
      const once = await counting([{ agent_name, success: true }])
      for (let n = 0; n < 2; n++) expect(await sendMetrics(`${sidecar.url}/v1/`, encoding, once)).toBe(0)
      const twice = await counting([{ agent_name, success: false }])
      expect(await sendMetrics(`${sidecar.url}/v1/`, encoding, twice)).toBe(0)
      expect(await keysOf(sidecar, `&agent_name=${encodeURIComponent(agent_name)}`)).toEqual({
        [`${agent_name}:claude-x:i`]: 2,
      })
    },
  )

  test('the price is that of the name, which the file may state by a spelling', async () => {
    const usage = { agent_name: 'priced', input_tokens: 1e6 }
    const models = ['claude-x[1m]', 'claude-x', 'team/gpt', 'other ']
    await sidecar.post(models.map((model_name, i) => anAttempt({ ...usage, model_name, issue_type: `i${i}` })))
    const costs = (await listed(sidecar, 'agent_name=priced')).map(one => [
      one.issue_type,
      'computed_cost_usd' in one && one.computed_cost_usd,
    ])
    expect(Object.fromEntries(costs)).toEqual({ i0: 3, i1: 3, i2: 2.5, i3: 1 })
  })

  test('every question answers the same for a spelling as for the name, and not for another model', async () => {
    const attempt = (model_name: string, i: number) =>
      anAttempt({
        agent_name: 'asked',
        model_name,
        issue_type: 'complexity',
        experiment: 'prompt',
        variant: 'ab'[i % 2],
        cost_usd: 1,
      })
    await sidecar.post(Array.from({ length: 40 }, (_, i) => attempt(i % 5 === 0 ? 'elsewhere' : SPELLINGS[i % 3]!, i)))
    for (const { path, example } of QUESTIONS) {
      const answer = async (model_name: string): Promise<unknown> => {
        const { path: at, query } = requestOf(path, { ...example, model_name } as Input<QuestionPath>)
        const given = Object.entries(query).filter(entry => entry[1] !== undefined) as [string, string][]
        const response = await sidecar.get(`/api/v1/${at}?${new URLSearchParams(given)}`)
        expect([path, response.status]).toEqual([path, 200])
        const { generated_at, evaluated_at, last_updated, ...rest } = (await response.json()) as Record<string, unknown>
        return rest
      }
      const [byName, bySpelling, ofOther] = [
        await answer('claude-x'),
        await answer(' claude-x[1m]'),
        await answer('elsewhere'),
      ]
      expect([path, bySpelling]).toEqual([path, byName])
      // No alert fires, whichever model is asked for.
      if (path !== 'alerts') expect([path, ofOther]).not.toEqual([path, byName])
    }
    const { tracker } = sidecar.sidecar
    const key = { agent_name: 'asked', issue_type: 'complexity' }
    expect(await tracker.getSuccessRate({ ...key, model_name: 'anthropic/claude-x' })).toBe(100)
    expect(
      (await tracker.attempts({ model_name: 'claude-x[1m]', agent_name: 'asked', limit: 100 })).attempts,
    ).toHaveLength(32)
  })

  test('the log holds names only, so that a start without the file gives the same answers', async () => {
    await send('restarted', 'JSON')
    const before = await keysOf(sidecar)
    expect(Object.keys(before).filter(key => /\[1m\]|anthropic|:m:/.test(key))).toEqual([])
    expect(stored(sidecar.store)).not.toMatch(/\[1m\]|anthropic\/|"model_name":"m"/)
    const export_ = await runCommand(['export', '--url', sidecar.url])
    expect(export_.stdout).not.toContain('[1m]')
    await sidecar.sidecar.close()
    const without = await testSidecar({ store: sidecar.store, 'retention-age': '36500d' })
    expect(await keysOf(without)).toEqual(before)
    // Without the file nothing is renamed or trimmed.
    await without.post([
      anAttempt({ agent_name: 'off', model_name: 'claude-x[1m]' }),
      anAttempt({ agent_name: 'off', model_name: ' claude-x ' }),
    ])
    expect(await keysOf(without, '&agent_name=off')).toEqual({ 'off:claude-x[1m]:i': 1, 'off: claude-x :i': 1 })
    expect(await keysOf(without, `&agent_name=off&model_name=${encodeURIComponent('claude-x[1m]')}`)).toEqual({
      'off:claude-x[1m]:i': 1,
    })
    await without[Symbol.asyncDispose]()
  })
})

describe('a changed file', () => {
  test('applies to new attempts from the next reload on, and a file that is invalid changes nothing', async () => {
    const path = file('changing.yaml', 'new: [old]')
    const { log, lines } = capturedLog()
    await using sidecar = await testSidecar(
      { 'model-aliases': path, prices: file('changing-prices.yaml', 'old: {input: 1, output: 1}') },
      log,
    )
    const record = async (): Promise<void> => {
      await sidecar.post(['old', 'older'].map(model_name => anAttempt({ model_name, input_tokens: 1e6 })))
    }
    await record()
    expect(await keysOf(sidecar)).toEqual({ 'a:new:i': 1, 'a:older:i': 1 })
    writeFileSync(path, 'new: [old, older]\nnewest: [older]')
    await expect(sidecar.sidecar.reload()).rejects.toThrow(
      `${path} line 2: "newest": "older" is also a spelling of "new"`,
    )
    await record()
    expect(await keysOf(sidecar)).toEqual({ 'a:new:i': 2, 'a:older:i': 2 })
    writeFileSync(path, 'new: [old, older]')
    file('changing-prices.yaml', 'older: {input: 5, output: 1}')
    await sidecar.sidecar.reload()
    await record()
    expect(await keysOf(sidecar)).toEqual({ 'a:new:i': 4, 'a:older:i': 2 })
    const warning = lines.find(line => String(line.msg).includes('spellings'))
    expect(warning).toMatchObject({ level: expect.anything(), msg: expect.stringContaining('"older" of "new"') })
    const priced = (await listed(sidecar, 'model_name=new')).map(
      one => 'computed_cost_usd' in one && one.computed_cost_usd,
    )
    expect(priced).toEqual([5, 5, 1, 1])
  })

  test('names what the store holds under a spelling at the start, with a remedy that joins it', async () => {
    await using before = await testSidecar()
    await before.post(['claude-x[1m]', 'claude-x', 'other'].map(model_name => anAttempt({ model_name })))
    await before.sidecar.close()
    const { log, lines } = capturedLog()
    const sidecar = await testSidecar({ store: before.store, 'model-aliases': ALIASES }, log)
    const [warning, ...more] = lines.filter(line => String(line.msg).includes('spellings'))
    expect(more).toEqual([])
    expect(warning!.msg).toMatch(
      /holds attempts under spellings that .*aliases\.json now renames: "claude-x\[1m\]" of "claude-x"\. /,
    )
    expect(await keysOf(sidecar)).toEqual({ 'a:claude-x[1m]:i': 1, 'a:claude-x:i': 1, 'a:other:i': 1 })
    const [, importCommand] = String(warning!.msg).split(': agent-performance export | agent-performance ')
    const fresh = join(folder, 'joined.json')
    const exported = await runCommand(['export', '--url', sidecar.url])
    const argv = importCommand!.replace('NEW', fresh).split(' ')
    expect(await runCommand(argv, { stdin: exported.stdout })).toMatchObject({ exitCode: 0 })
    await sidecar[Symbol.asyncDispose]()
    const silent = capturedLog()
    const joined = await testSidecar({ store: fresh, 'model-aliases': ALIASES }, silent.log)
    expect(await keysOf(joined)).toEqual({ 'a:claude-x:i': 2, 'a:other:i': 1 })
    expect(silent.lines.filter(line => String(line.msg).includes('spellings'))).toEqual([])
    await joined[Symbol.asyncDispose]()
  })
})

describe('other ways in', () => {
  test.each([
    ['--model-aliases', ['--model-aliases', ALIASES], {}],
    ['the environment', [], { AGENT_PERFORMANCE_MODEL_ALIASES: ALIASES }],
  ])('import into a store itself takes the file of %s, and so do questions to it', async (name, args, env) => {
    const store = join(folder, `${name.replaceAll('-', '').replaceAll(' ', '')}.json`)
    const stdin = `${JSON.stringify(anAttempt({ model_name: 'claude-x[1m]' }))}\n`
    expect(await runCommand(['import', '-', '--store', store, ...args], { stdin, env })).toMatchObject({ exitCode: 0 })
    const { stdout } = await runCommand(['report', '--store', store, '--model-name', 'm', '--json'], {
      env: { AGENT_PERFORMANCE_MODEL_ALIASES: ALIASES },
    })
    expect(Object.keys(JSON.parse(stdout).by_model)).toEqual(['claude-x'])
  })

  test('import into a sidecar refuses the flag, because that sidecar has its own file', async () => {
    const outcome = await runCommand(['import', '-', '--model-aliases', ALIASES], { stdin: '' })
    expect(outcome).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('--model-aliases needs --store') })
  })

  test('the tracker takes them as an option', async () => {
    const store = join(folder, 'tracker.json')
    const tracker = new AgentPerformanceTracker({ store, modelAliases: { 'claude-x': ['claude-x[1m]'] } })
    const attempt = anAttempt({ model_name: ' claude-x[1m]' }) as unknown as NewAttempt
    expect(await tracker.recordAttempt(attempt)).toEqual({ status: 'accepted' })
    expect(attempt.model_name, "the caller's object").toBe(' claude-x[1m]')
    expect(Object.keys(await tracker.getRawMetrics())).toEqual(['a:claude-x:i'])
    expect(await tracker.getSuccessRate({ agent_name: 'a', model_name: 'claude-x[1m]', issue_type: 'i' })).toBe(100)
    await tracker.close()
  })
})
