import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anAttempt, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { runCommand } from './run-command.ts'

const KEY = ['--agent-name', 'droid', '--model-name', 'gpt-5', '--issue-type', 'bug', '--time-seconds', '12.5']

test('records an attempt that a question then counts, and prints its id', async () => {
  await using sidecar = await testSidecar()
  const record = (...options: string[]) => runCommand(['record', '--url', sidecar.url, ...KEY, ...options])
  const first = await record('--success', '--confidence', '0.9', '--output-tokens', '1200', '--task-id', 't 1')
  expect(first).toMatchObject({ exitCode: 0, stderr: '' })
  const id = /^Recorded (\S+)\n$/.exec(first.stdout)![1]!
  expect(await record('--success', '--attempt-id', id)).toMatchObject({ stdout: `Known already: ${id}\n` })
  const failed = JSON.parse((await record('--failure', '--error-type', 'tests_failed', '--json')).stdout)
  expect(failed).toEqual({ attempt_id: expect.any(String), accepted: 1, duplicates: 0 })
  const page = (await (await sidecar.get('/api/v1/attempts')).json()) as { attempts: object[] }
  expect(page.attempts).toEqual([
    expect.objectContaining({ success: false, error_type: 'tests_failed', time_seconds: 12.5 }),
    expect.objectContaining({
      ...anAttempt({ agent_name: 'droid', model_name: 'gpt-5', issue_type: 'bug', time_seconds: 12.5 }),
      confidence: 0.9,
      output_tokens: 1200,
      task_id: 't 1',
    }),
  ])
})

test('records into a store without a sidecar', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'agents.json')
  expect(await runCommand(['record', '--store', store, ...KEY, '--success'])).toMatchObject({ exitCode: 0 })
  expect((await runCommand(['report', '--store', store])).stdout).toContain('1 attempt, 100.00 %')
})

test.each([
  [[...KEY], 'say how it ended: --success or --failure'],
  [[...KEY, '--success', '--failure'], "'--success' cannot be used with option '--failure'"],
  [['--success'], "required option '--agent-name <name>' not specified"],
  [[...KEY, '--success', '--confidence', '7'], '--confidence must be'],
  [[...KEY, '--success', '--output-tokens', 'many'], '--output-tokens must be'],
  [[...KEY, '--success', '--experiment', 'prompt'], 'variant'],
])('%j is wrong usage: 64, and says what is wrong', async (options, message) => {
  const outcome = await runCommand(['record', '--url', 'http://127.0.0.1:1', ...options])
  expect(outcome).toMatchObject({ exitCode: 64, stdout: '' })
  expect(outcome.stderr).toContain(message)
})
