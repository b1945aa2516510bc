import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { type FakeSidecar, startFakeSidecar } from './fake-sidecar.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'export-'))
const attempts = Array.from({ length: 5 }, (_, i) => ({ agent_name: 'ü👩‍💻', attempt_id: `id-${i}`, success: true }))
const PAGES = new Map([
  [undefined, { attempts: attempts.slice(0, 2), next_cursor: 'c 1' }],
  ['c 1', { attempts: [], next_cursor: 'c 2' }],
  ['c 2', { attempts: attempts.slice(2), next_cursor: null }],
])
const paged = (): Promise<FakeSidecar> => startFakeSidecar(({ query }) => ({ body: PAGES.get(query.cursor) }))
const lines = attempts.map(one => `${JSON.stringify(one)}\n`).join('')

test('prints every page, one attempt per line, also after an empty page', async () => {
  await using sidecar = await paged()
  const outcome = await runCommand(['export', '--url', sidecar.url, '--since', '24h', '--agent-name', 'a'])
  expect(outcome).toEqual({ exitCode: 0, stdout: lines, stderr: '' })
  expect(sidecar.requests.map(({ path, query }) => ({ path, query }))).toEqual(
    [{}, { cursor: 'c 1' }, { cursor: 'c 2' }].map(cursor => ({
      path: '/api/v1/attempts',
      query: {
        limit: '1000',
        order: 'oldest',
        with_ids: 'true',
        with_outcomes: 'true',
        since: '24h',
        agent_name: 'a',
        ...cursor,
      },
    })),
  )
})

test('--output writes a file and prints the number of attempts', async () => {
  await using sidecar = await paged()
  const output = join(folder, 'attempts.ndjson')
  const told = await runCommand(['export', '--url', sidecar.url, '--output', output])
  expect(told.stdout).toBe(`Exported 5 attempts to ${output}.\n`)
  expect(readFileSync(output, 'utf8')).toBe(lines)
  const json = await runCommand(['export', '--json', '--url', sidecar.url, '--output', output])
  expect(JSON.parse(json.stdout)).toEqual({ exported: 5, output })
})

test('creates no file if the question fails, and reports a file that cannot be created', async () => {
  const output = join(folder, 'untouched.ndjson')
  expect((await runCommand(['export', '--url', 'http://127.0.0.1:1', '--output', output])).exitCode).toBe(69)
  expect(existsSync(output)).toBe(false)
  await using sidecar = await paged()
  const nowhere = join(folder, 'no', 'such', 'folder')
  const failed = await runCommand(['export', '--url', sidecar.url, '--output', nowhere])
  expect(failed).toMatchObject({ exitCode: 74, stdout: '', stderr: expect.stringContaining(nowhere) })
})

test('omits the computed cost, so that the output can be recorded again, from a file and over HTTP', async () => {
  const price = { input_tokens: 1000, output_tokens: 10 }
  await using sidecar = await testSidecar()
  await sidecar.post([anAttempt({ ...price, model_name: 'gpt-4o' }), anAttempt({ ...price, cost_usd: 0.25 })])
  expect(await (await sidecar.get('/api/v1/attempts')).json()).toMatchObject({
    attempts: [{ cost_usd: 0.25 }, { computed_cost_usd: expect.any(Number) }],
  })
  const { stdout } = await runCommand(['export', '--url', sidecar.url])
  expect(stdout).toContain('"cost_usd":0.25')
  expect(stdout).not.toContain('computed')
  await using other = await testSidecar()
  const headers = { 'Content-Type': 'application/x-ndjson' }
  expect(await (await other.post(stdout, { headers })).json()).toMatchObject({ accepted: 2 })
  const costs = async (of: TestSidecar): Promise<unknown> => (await of.get('/api/v1/costs')).json()
  expect(await costs(other)).toEqual(await costs(sidecar))
  const copy = await runCommand(['import', '-', '--store', join(folder, 'copy.json')], { stdin: stdout })
  expect(copy.stdout).toBe('Imported 2 attempts from standard input.\n')
})
