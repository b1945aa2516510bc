import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

async function connect(...args: readonly string[]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp', ...args] }))
  // The client validates answers against the output schemas of the tools it knows.
  await client.listTools()
  return client
}

const call = async (client: Client, name: string, given: Record<string, unknown> = {}): Promise<CallToolResult> =>
  (await client.callTool({ name, arguments: given })) as CallToolResult

const textOf = ({ content }: CallToolResult): string =>
  content.map(part => (part.type === 'text' ? part.text : '')).join('')

let sidecar: TestSidecar
let client: Client

beforeAll(async () => {
  sidecar = await testSidecar()
  const attempts = Array.from({ length: 24 }, (_, i) =>
    anAttempt({
      agent_name: i % 2 === 0 ? 'droid' : 'goose',
      issue_type: 'complexity',
      success: i % 3 !== 0,
      confidence: 0.8,
      cost_usd: 0.1,
      ...(i % 4 === 0 && { task_id: `task ${i % 8}` }),
      experiment: 'prompt',
      variant: i % 4 < 2 ? 'control' : 'canary',
    }),
  )
  await sidecar.post(attempts)
  client = await connect('--url', sidecar.url)
})

afterAll(async () => {
  await client.close()
  await sidecar[Symbol.asyncDispose]()
})

describe('tools', () => {
  test('every question of the registry is a tool with its parameters, and so is recording', async () => {
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(QUESTIONS.length + 2)
    const byName = new Map(tools.map(tool => [tool.name, tool]))
    for (const name of ['best_agent', 'route', 'experiment', 'experiment_history', 'attempts', 'record_attempt']) {
      expect(byName.get(name)?.description, name).toMatch(/\.$/)
    }
    expect(byName.get('best_agent')).toMatchObject({
      inputSchema: {
        type: 'object',
        required: ['issue_type'],
        properties: { min_attempts: { type: 'integer', default: 5, description: expect.any(String) } },
      },
      outputSchema: { type: 'object' },
      annotations: { readOnlyHint: true },
    })
    expect(JSON.stringify(byName.get('best_agent')?.outputSchema)).toContain('Probability, 0 to 1, that it is the best')
    expect(byName.get('record_attempt')).toMatchObject({
      inputSchema: { required: ['agent_name', 'model_name', 'issue_type', 'time_seconds'] },
      annotations: { readOnlyHint: false },
    })
  })

  test('every question answers in its output schema, as text and as structured content', async () => {
    const { tools } = await client.listTools()
    for (const { name, inputSchema } of tools.filter(tool => !tool.name.startsWith('record_'))) {
      const examples: Record<string, unknown> = { issue_type: 'complexity', name: 'prompt' }
      const given = Object.fromEntries((inputSchema.required ?? []).map(parameter => [parameter, examples[parameter]]))
      const result = await call(client, name, given)
      expect(result.isError, `${name}: ${textOf(result)}`).toBeUndefined()
      expect(JSON.parse(textOf(result))).toEqual(result.structuredContent)
    }
  })

  test('the answer is that of the sidecar', async () => {
    const given = { issue_type: 'complexity', explore: true, seed: 'run 1', min_success_rate: 1 }
    const { structuredContent } = await call(client, 'route', given)
    const response = await sidecar.get(
      '/api/v1/route?issue_type=complexity&explore=true&seed=run%201&min_success_rate=1',
    )
    expect(structuredContent).toEqual(await response.json())
  })

  test('an outcome of an attempt is recorded, and one of an unknown attempt is an error that names it', async () => {
    const attempt = { agent_name: 'mcp', model_name: 'm', issue_type: 'verified', success: true, time_seconds: 1.5 }
    await call(client, 'record_attempt', { ...attempt, attempt_id: 'verified 1' })
    const outcome = { attempt_id: 'verified 1', success: false, source: 'ci' }
    expect((await call(client, 'record_outcome', outcome)).structuredContent).toEqual({ accepted: 1, duplicates: 0 })
    const { success: _, ...pending } = attempt
    const { attempt_id } = (await call(client, 'record_attempt', pending)).structuredContent as { attempt_id: string }
    const decided = await call(client, 'record_outcome', { ...outcome, attempt_id })
    expect(decided.structuredContent).toEqual({ accepted: 1, duplicates: 0 })
    const unknown = await call(client, 'record_outcome', { ...outcome, attempt_id: 'verified 2' })
    expect([unknown.isError, textOf(unknown)]).toEqual([true, expect.stringContaining('"verified 2"')])
  })

  test('an attempt is recorded, and counts once', async () => {
    const attempt = { agent_name: 'mcp', model_name: 'm', issue_type: 'recorded', success: true, time_seconds: 1.5 }
    const first = await call(client, 'record_attempt', attempt)
    expect(first.structuredContent).toEqual({ attempt_id: expect.any(String), accepted: 1, duplicates: 0 })
    const { attempt_id } = first.structuredContent as { attempt_id: string }
    const again = await call(client, 'record_attempt', { ...attempt, attempt_id })
    expect(again.structuredContent).toEqual({ attempt_id, accepted: 0, duplicates: 1 })
    const rate = await call(client, 'success_rate', { agent_name: 'mcp', model_name: 'm', issue_type: 'recorded' })
    expect(rate.structuredContent).toMatchObject({ success_rate: 100, total_attempts: 1 })
  })
})

describe('errors that an agent can act on', () => {
  test.each<[string, string, Record<string, unknown>, string]>([
    ['a missing argument', 'best_agent', {}, 'issue_type is required'],
    ['an argument of another type', 'best_agent', { issue_type: 'bug', min_attempts: 'many' }, 'min_attempts must be'],
    ['an unknown argument', 'report', { issue: 'bug' }, 'issue is not a parameter of this question'],
    ['a bad range', 'report', { since: 'yesterday' }, 'since'],
    [
      'a bad attempt',
      'record_attempt',
      { agent_name: 'a', model_name: 'm', issue_type: 'i', success: 'yes', time_seconds: 1 },
      'success',
    ],
    [
      'no answer',
      'best_agent',
      { issue_type: 'unheard of' },
      'no agent has 5 attempts or more at issue type "unheard of"',
    ],
  ])('%s is a tool error that names it', async (_, name, given, message) => {
    const result = await call(client, name, given)
    expect(result.isError).toBe(true)
    expect(textOf(result)).toContain(message)
  })

  test('an unknown tool is refused with a suggestion', async () => {
    await expect(call(client, 'best_agnet')).rejects.toThrow(
      'there is no tool "best_agnet": did you mean "best_agent"?',
    )
  })

  test('a sidecar that is away is a tool error, and the server goes on', async () => {
    const alone = await connect('--url', 'http://127.0.0.1:1')
    for (let i = 0; i < 2; i++) {
      const result = await call(alone, 'report')
      expect(result.isError).toBe(true)
      expect(textOf(result)).toContain('no sidecar reached at http://127.0.0.1:1/')
    }
    await alone.close()
  })
})

test('works on a store without a sidecar: each question sees what was recorded before it', async () => {
  await using folder = await temporaryFolder()
  const own = await connect('--store', join(folder.path, 'agents.json'))
  const attempt = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }
  for (const attempts of [1, 2]) {
    expect((await call(own, 'record_attempt', attempt)).structuredContent).toMatchObject({ accepted: 1 })
    expect((await call(own, 'report')).structuredContent).toMatchObject({ summary: { total_attempts: attempts } })
  }
  await own.close()
})

test('ends with 0 when its client has gone, and prints nothing but the protocol', async () => {
  const child = spawn(process.execPath, [MAIN, 'mcp', '--url', sidecar.url])
  child.stdin.end()
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' })
})

test('no other command loads the SDK', () => {
  const src = new URL('../../src/', import.meta.url)
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const matching = (pattern: RegExp): string[] =>
    files.filter(name => pattern.test(readFileSync(new URL(name, src), 'utf8')))
  expect(matching(/from '@modelcontextprotocol/)).toEqual(['command/mcp/server.ts'])
  expect(matching(/^import .*mcp\/server\.ts/m)).toEqual([])
})
