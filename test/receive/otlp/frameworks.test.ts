/** Recorded telemetry of frameworks: each run counts once, with its outcome, model and tokens, in JSON and in protobuf. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type CountedRun, RECORDED_SENDERS } from '../../../docs/otlp-senders.ts'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import { openReceiver, post, type Receiver } from './receiver.ts'
import { encodeJson, REQUESTS } from './wire.ts'

type Signal = 'logs' | 'traces'

const FIXTURES = new URL('../../fixtures/otlp/frameworks/', import.meta.url)

const recorded = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), 'utf8'))

async function take(name: string, encoding: 'json' | 'protobuf', rule?: string): Promise<Receiver> {
  const to = await openReceiver({ mapping: mergeMapping(rule === undefined ? {} : { [rule]: { enabled: true } }) })
  onTestFinished(to.close)
  const signal = name.split('.').at(-1) as Signal
  const json = recorded(name)
  const body = encoding === 'json' ? JSON.stringify(json) : encodeJson(REQUESTS[signal], json)
  const answer = await post(to, signal, body)
  expect([answer.status, answer.bytes.toString()]).toEqual([200, encoding === 'json' ? '{}' : ''])
  return to
}

const runOf = (it: NewAttempt): CountedRun => {
  const run = [it.agent_name, it.model_name, it.success ? 'success' : (it.error_type ?? 'failure')] as const
  const tokens = [it.input_tokens, it.output_tokens, it.cache_read_tokens]
  const last = tokens.findLastIndex(count => count !== undefined)
  return [...run, ...tokens.slice(0, last + 1)] as unknown as CountedRun
}

describe.each(RECORDED_SENDERS)('$body with the rule $rule', ({ body, rule, cost, runs, made, failed }) => {
  test('counts each run once, with outcome, model and tokens, and the same in both encodings', async () => {
    const json = await take(body, 'json', rule)
    const protobuf = await take(body, 'protobuf', rule)
    expect(json.kept.map(runOf)).toEqual(runs)
    expect(protobuf.kept).toEqual(json.kept)
    expect(protobuf.reasons).toEqual(json.reasons)
    expect(json.counts).toMatchObject({ rejected: 0, accepted: runs.length })
    expect(json.kept.every(({ attempt_id, issue_type }) => attempt_id !== undefined && issue_type !== '')).toBe(true)
    const stated = json.kept.filter(({ cost_usd }) => cost_usd !== undefined)
    expect(stated).toHaveLength(cost === 'stated' ? made - failed : 0)
    // Either all runs that the program made, or none.
    if (runs.length > 0)
      expect([runs.length, json.kept.filter(({ success }) => !success).length]).toEqual([made, failed])
  })
})

test('every recorded body is a row of the table', () => {
  const bodies = readdirSync(FIXTURES).map(name => name.replace('.json', ''))
  expect(new Set(RECORDED_SENDERS.map(({ body }) => body))).toEqual(new Set(bodies))
})

test('a recorded body is small, and holds no texts of prompts, names of hosts or paths of users', () => {
  for (const name of readdirSync(FIXTURES)) {
    const text = readFileSync(new URL(name, FIXTURES), 'utf8')
    expect(text.length, name).toBeLessThan(25_000)
    expect(text, name).not.toMatch(
      /system_instructions|\/(?:home|root|Users)\/|host\.name|process\.|user\.email"[^}]*@/,
    )
  }
})

test('a scope whose spans are all ignored is named once, with the rule that would count them', async () => {
  const to = await take('pydantic-ai-1x-v2-ok.traces', 'json')
  expect(to.kept).toEqual([])
  expect(to.notices).toEqual([
    'all spans of scope "pydantic-ai" are ignored: the rule "pydantic-ai-1" would count them; enable it with --otlp-mapping',
  ])
  await post(to, 'traces', JSON.stringify(recorded('pydantic-ai-1x-v2-ok.traces')))
  expect(to.notices).toHaveLength(1)
  expect((await take('pydantic-ai-vdefault-ok.traces', 'json')).notices).toEqual([])
  expect((await take('claude-code.traces', 'json')).notices).toHaveLength(1)
  expect((await take('gemini-cli.logs', 'json')).notices[0]).toMatch(
    /all log records of scope .* the rule "gemini-cli"/,
  )
})
