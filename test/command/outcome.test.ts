/** The command `outcome`, pending attempts of `record`, and outcomes in `export` and `import`. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { runCommand } from './run-command.ts'

const KEY = ['--agent-name', 'droid', '--model-name', 'gpt-5', '--issue-type', 'bug', '--time-seconds', '12.5']

test('a pending attempt is recorded, and counts when its outcome is', async () => {
  await using sidecar = await testSidecar()
  const where = ['--url', sidecar.url]
  const recorded = await runCommand(['record', ...where, ...KEY, '--pending', '--attempt-id', 'a 1'])
  expect(recorded).toMatchObject({ exitCode: 0, stdout: 'Recorded a 1\n' })
  const outcome = (...options: string[]) =>
    runCommand(['outcome', ...where, '--attempt-id', 'a 1', '--source', 'ci', ...options])
  expect((await runCommand(['report', ...where])).stdout).not.toContain('100.00 %')
  expect(await outcome('--success', '--note', 'all 12 tests')).toMatchObject({ stdout: 'Recorded an outcome of a 1\n' })
  expect((await runCommand(['report', ...where])).stdout).toContain('1 attempt, 100.00 %')
  expect(await outcome('--success')).toMatchObject({ exitCode: 0, stdout: 'Known already: a 1\n' })
  expect(JSON.parse((await outcome('--failure', '--json')).stdout)).toEqual({
    attempt_id: 'a 1',
    accepted: 1,
    duplicates: 0,
  })
})

test('an outcome of an attempt that is not stored is bad data: 65', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'agents.json')
  await runCommand(['record', '--store', store, ...KEY, '--success', '--attempt-id', 'a 1'])
  const outcome = (id: string) =>
    runCommand(['outcome', '--store', store, '--attempt-id', id, '--failure', '--source', 'review'])
  expect(await outcome('a 2')).toMatchObject({ exitCode: 65, stdout: '' })
  expect((await outcome('a 2')).stderr).toContain('no stored attempt has the id a 2: record the attempt first')
  expect(await outcome('a 1')).toMatchObject({ exitCode: 0 })
  expect((await runCommand(['report', '--store', store])).stdout).toContain('1 attempt, 0.00 %')
})

test.each([
  [['--attempt-id', 'a', '--source', 'ci'], 'say how it turned out: --success or --failure'],
  [['--attempt-id', 'a', '--source', 'ci', '--success', '--failure'], 'cannot be used with'],
  [['--attempt-id', 'a', '--success'], "required option '--source <name>' not specified"],
  [['--attempt-id', 'a', '--source', '', '--success'], '--source must not be empty'],
  [['--attempt-id', 'a', '--source', 'ci', '--success', '--timestamp', 'soon'], '--timestamp must be'],
])('%j is wrong usage: 64, and says what is wrong', async (options, message) => {
  const outcome = await runCommand(['outcome', '--url', 'http://127.0.0.1:1', ...options])
  expect(outcome).toMatchObject({ exitCode: 64, stdout: '' })
  expect(outcome.stderr).toContain(message)
})

test('an empty store that imports what another exported answers the same, outcomes and pending attempts included', async () => {
  await using folder = await temporaryFolder()
  const [original, copy] = [join(folder.path, 'original.json'), join(folder.path, 'copy.json')]
  const nowMs = Date.now()
  const tracker = new AgentPerformanceTracker({ store: original, clock: () => nowMs - 60_000 })
  const at = (minutes: number): string => new Date(nowMs - minutes * 60_000).toISOString()
  const attempts = Array.from({ length: 60 }, (_, i) =>
    anAttempt({
      agent_name: `agent ${i % 3}`,
      attempt_id: `id ${i}`,
      timestamp: at(600 - i),
      confidence: (i % 10) / 10,
      ...(i % 4 === 0 && { success: undefined }),
    }),
  )
  await tracker.recordAttempts(attempts as never)
  const outcomes = Array.from({ length: 50 }, (_, i) => ({
    attempt_id: `id ${(i * 7) % 40}`,
    success: i % 3 > 0,
    source: i % 2 === 0 ? 'ci' : 'review',
    ...(i % 5 === 0 && { timestamp: at(500 - i) }),
  }))
  expect(await tracker.recordOutcomes(outcomes)).toMatchObject({ unknown: [], rejected: [] })
  await tracker.close()
  const lines = (await runCommand(['export', '--store', original])).stdout
  expect(lines.split('\n').filter(line => line.includes('"source"')).length).toBeGreaterThan(40)
  const imported = await runCommand(['import', '-', '--store', copy, '--json'], { stdin: lines })
  expect(JSON.parse(imported.stdout).files[0]).toMatchObject({ accepted: 60, outcomes: { unknown: 0 } })
  const [expected, actual] = [await answersOf(original, nowMs), await answersOf(copy, nowMs)]
  expect(actual).toEqual(expected)
  expect((await runCommand(['export', '--store', copy])).stdout).toBe(lines)
  expect((await runCommand(['import', '-', '--store', copy], { stdin: lines })).stdout).toMatch(
    /^Imported 0 attempts from standard input, 60 known already\.\nOutcomes: 0, \d+ known already\./,
  )
})

async function answersOf(store: string, nowMs: number): Promise<Record<string, unknown>> {
  const tracker = new AgentPerformanceTracker({ store, clock: () => nowMs })
  const answers: Record<string, unknown> = {}
  for (const { path, example, parameters } of QUESTIONS) {
    const given = { ...example, ...('min_attempts' in parameters.shape && { min_attempts: 1 }) }
    for (const more of [{}, { since: '9h' }])
      answers[`${path} ${JSON.stringify(more)}`] = await tracker.ask(path, { ...given, ...more } as never)
  }
  await tracker.close()
  return answers
}
