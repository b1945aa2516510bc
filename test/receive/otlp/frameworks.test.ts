/** Recorded telemetry of frameworks: each run counts once, with its outcome, model and tokens, in JSON and in protobuf. */
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import { openReceiver, post, type Receiver } from './receiver.ts'
import { encodeJson, REQUESTS } from './wire.ts'

type Signal = 'logs' | 'traces'

/** Agent, model, outcome (the error type of a failure), and tokens: input, output, read from a cache. */
type Run = readonly [agent: string, model: string, outcome: string, input?: number, output?: number, cached?: number]

const recorded = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../../fixtures/otlp/frameworks/${name}.json`, import.meta.url), 'utf8'))

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

const runOf = (it: NewAttempt): Run => {
  const run = [it.agent_name, it.model_name, it.success ? 'success' : (it.error_type ?? 'failure')] as const
  const tokens = [it.input_tokens, it.output_tokens, it.cache_read_tokens]
  const last = tokens.findLastIndex(count => count !== undefined)
  return [...run, ...tokens.slice(0, last + 1)] as unknown as Run
}

/** Body, the rule that it needs, and its runs in the order in which they ended. */
const cases: readonly (readonly [body: string, rule: string | undefined, runs: readonly Run[]])[] = [
  [
    'oai-agents-v2-ok.traces',
    undefined,
    [
      ['Helper', 'gpt-4o-mini-2024-08-06', 'success', 100, 20],
      ['Fixer', 'gpt-4o-2024-08-06', 'success', 200, 40],
      ['Linter', 'gpt-4o-mini-2024-08-06', 'success', 100, 20],
    ],
  ],
  [
    'oai-agents-openllmetry-ok.traces',
    undefined,
    [
      ['Helper', 'gpt-4o-mini-2024-08-06', 'success', 60, 20, 40],
      ['Fixer', 'gpt-4o-2024-08-06', 'success', 120, 40, 80],
      ['Linter', 'gpt-4o-mini-2024-08-06', 'success', 60, 20, 40],
    ],
  ],
  [
    'oai-agents-openinference-ok.traces',
    'openinference',
    [
      ['Helper', 'gpt-4o-mini-2024-08-06', 'success', 60, 20, 40],
      ['Fixer', 'gpt-4o-2024-08-06', 'success', 120, 40, 80],
      ['Linter', 'gpt-4o-mini-2024-08-06', 'success', 60, 20, 40],
    ],
  ],
  ['oai-agents-logfire-fail.traces', 'logfire-openai-agents', [['Failer', 'fail-model', 'failure']]],
  [
    'openlit-oai-agents.traces',
    undefined,
    [
      ['Helper', 'gpt-4o-mini', 'success', 60, 20, 40],
      ['Fixer', 'gpt-4o', 'success', 120, 40, 80],
      ['Linter', 'gpt-4o-mini', 'success', 60, 20, 40],
    ],
  ],
  [
    'pydantic-ai-vdefault-ok.traces',
    undefined,
    [
      ['helper', 'gpt-4o-mini', 'success', 60, 20, 40],
      ['fixer', 'gpt-4o', 'success', 120, 40, 80],
    ],
  ],
  [
    'pydantic-ai-1x-v2-ok.traces',
    'pydantic-ai-1',
    [
      ['helper', 'gpt-4o-mini', 'success'],
      ['fixer', 'gpt-4o', 'success'],
    ],
  ],
  ['strands-fail.traces', undefined, [['failer', 'fail-model', 'openai.BadRequestError']]],
  ['maf_anth-x.traces', undefined, [['fixer', 'claude-sonnet-4-5', 'success', 60, 20, 40]]],
  ['adk-fail.traces', undefined, [['fixer', 'gemini-fail', 'google.genai.errors.ClientError']]],
  [
    'lg-ok-openllmetry.traces',
    undefined,
    [
      ['helper', 'gpt-4o-mini', 'success', 60, 20, 40],
      ['fixer', 'gpt-4o', 'success', 120, 40, 80],
    ],
  ],
  [
    'lg-fail-openllmetry.traces',
    undefined,
    [['failer', 'fail-model', 'langchain_openai.chat_models.base.OpenAIInvalidRequestError']],
  ],
  ['crew-fail-openllmetry.traces', undefined, [['Fixer', 'unknown', 'openai.BadRequestError']]],
  [
    'crew-ok-openinference.traces',
    'openinference',
    [
      ['Fixer', 'unknown', 'success'],
      ['Reviewer', 'unknown', 'success'],
    ],
  ],
  ['agno-smol.traces', 'openinference', [['fixer.run', 'gpt-4o', 'success', 100, 20]]],
  [
    'ai7-nested.traces',
    undefined,
    [
      ['helper', 'gpt-4o-mini', 'success', 60, 20, 40],
      ['fixer', 'gpt-4o', 'success', 120, 40, 80],
    ],
  ],
  ['ai7-noname.traces', undefined, []],
  [
    'ai4-nested.traces',
    'ai-sdk',
    [
      ['helper', 'gpt-4o-mini', 'success', 100, 20],
      ['fixer', 'gpt-4o', 'success', 200, 40],
    ],
  ],
  ['ai6-fail.traces', 'ai-sdk', [['fixer', 'fail-model', 'AI_APICallError']]],
  [
    'mastra-ok.traces',
    undefined,
    [
      ['helper', 'gpt-4o-mini', 'success', 60, 20, 40],
      ['fixer', 'gpt-4o', 'success', 120, 40, 80],
    ],
  ],
  ['claude-code-traces.traces', undefined, []],
  [
    'claude-code-traces.traces',
    'claude-code-interaction',
    [['claude-code', 'claude-sonnet-4-5', 'success', 60, 20, 40]],
  ],
  ['codex.logs', 'codex', [['codex', 'gpt-5-codex', 'success']]],
  ['gemini-cli.logs', 'gemini-cli', [['gemini-cli', 'gemini-2.5-flash', 'success', 60, 20, 40]]],
  [
    'rust-tracing.logs',
    undefined,
    [0, 1, 2, 3].flatMap(n =>
      ['name', 'attr'].map((kind): Run => [`rust-log-${kind}`, 'gpt-4o', n === 0 ? 'failure' : 'success']),
    ),
  ],
  [
    'rust-tracing.traces',
    undefined,
    [0, 1, 2, 3].map((n): Run => ['rust-fixer', 'gpt-4o', n === 0 ? 'failure' : 'success', 100]),
  ],
]

describe.each(cases)('%s with the rule %s', (body, rule, runs) => {
  test('counts each run once, with outcome, model and tokens, and the same in both encodings', async () => {
    const json = await take(body, 'json', rule)
    const protobuf = await take(body, 'protobuf', rule)
    expect(json.kept.map(runOf)).toEqual(runs)
    expect(protobuf.kept).toEqual(json.kept)
    expect(protobuf.reasons).toEqual(json.reasons)
    expect(json.counts).toMatchObject({ rejected: 0, accepted: runs.length })
    expect(json.kept.every(({ attempt_id, issue_type }) => attempt_id !== undefined && issue_type !== '')).toBe(true)
  })
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
  expect((await take('claude-code-traces.traces', 'json')).notices).toHaveLength(1)
  expect((await take('gemini-cli.logs', 'json')).notices[0]).toMatch(
    /all log records of scope .* the rule "gemini-cli"/,
  )
})
