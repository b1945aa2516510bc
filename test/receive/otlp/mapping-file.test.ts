import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ConfigError } from '../../../src/config/config.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import { readMappingFile } from '../../../src/receive/otlp/mapping/file.ts'
import { mappingChanges } from '../../../src/receive/otlp/mapping/table.ts'

async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mapping-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'rules.json')
  await writeFile(path, text)
  return path
}

/** The error of an unusable file, without its path. */
async function refused(text: string): Promise<string> {
  const path = await fileOf(text)
  let error: unknown
  try {
    readMappingFile(path)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ConfigError)
  expect(error).toMatchObject({ exitCode: 78 })
  const { message } = error as ConfigError
  for (const line of message.split('\n')) expect(line.startsWith(`${path} line `), line).toBe(true)
  return message.replaceAll(`${path} `, '')
}

test('reads a table from a JSON file; an empty file changes nothing', async () => {
  const table = {
    'claude-code': { enabled: true },
    invoke_agent: { attempt: { agent_name: ['a', { from: 'b', in: ['c'] }] } },
  }
  expect(readMappingFile(await fileOf(JSON.stringify(table)))).toEqual(table)
  expect(readMappingFile(await fileOf(''))).toEqual({})
})

test.each([
  ['{\n "claude-code": {\n  "enabled": "yes"\n }\n}', 'line 3: claude-code.enabled'],
  [
    '{\n "invoke_agent": {\n  "attempt": {\n   "agent_name": ["record:nome"]\n  }\n }\n}',
    'line 4: invoke_agent.attempt.agent_name.0',
  ],
  [
    '{\n "mine": {\n  "when": {"a": ["b"]}\n }\n}',
    'line 2: mine is a new rule and must state signal, attempt.agent_name',
  ],
  ['{\n "invoke_agent": {\n  "when": {}\n }\n}', 'line 3: invoke_agent.when must name a place'],
  ['{\n "invoke_agent": {\n  "enabled": true,\n  "enabled": false\n }\n}', 'line 4: '],
  ['{\n "invoke_agent": {', 'line 2: '],
  ['[1]', 'line 1: '],
])('an invalid file is refused with the line and the path of the value: %j', async (text, told) => {
  expect(await refused(text)).toContain(told)
})

test('reports every problem of a file at once', async () => {
  const told = await refused('{\n "a": {"signal": "x"},\n "b": {"enabled": 1}\n}')
  expect(told).toContain('line 2: a.signal')
  expect(told).toContain('line 3: b.enabled')
})

test('refuses a missing file by its name', () => {
  expect(() => readMappingFile('/nowhere/rules.json')).toThrow('cannot read the rules for OTLP /nowhere/rules.json')
})

test('the rules in docs/otlp.md can be used unchanged, and the page names every shipped rule', async () => {
  const page = await readFile(new URL('../../../docs/otlp.md', import.meta.url), 'utf8')
  const [, table] = /```json\n([\s\S]*?)```/.exec(page)!
  expect(mappingChanges(readMappingFile(await fileOf(table!)))).toEqual([
    'claude-code: on',
    'invoke_agent: on, with its own attempt.issue_type',
    'our-runs: new, for log records, on',
  ])
  for (const rule of Object.keys(DEFAULT_MAPPING)) expect(page).toContain(`\`${rule}\``)
})

test('reports the changes of a table rule by rule', () => {
  expect(
    mappingChanges({
      'claude-code': { enabled: true },
      'agent.attempt': { enabled: false },
      invoke_agent: { when: { a: ['b'] }, attempt: { agent_name: ['x'], cost_usd: ['y'] } },
      mine: { signal: 'traces', when: { a: ['b'] }, attempt: {} },
    }),
  ).toEqual([
    'claude-code: on',
    'agent.attempt: off',
    'invoke_agent: on, with its own when, attempt.agent_name, attempt.cost_usd',
    'mine: new, for spans, on',
  ])
})
