import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'store-'))
const attempts = Array.from({ length: 2500 }, (_, i) => ({
  attempt_id: `id-${i}`,
  agent_name: i % 2 === 0 ? 'droid' : 'goose',
  model_name: 'gpt-5',
  issue_type: 'bug',
  success: i % 4 !== 1,
  time_seconds: 2,
  timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(),
}))
const ndjson = attempts.map(one => `${JSON.stringify(one)}\n`).join('')

describe('a store itself', () => {
  test('counts an import once and answers every question that a sidecar answers', async () => {
    const store = join(folder, 'a.json')
    const on = (argv: readonly string[], stdin = '') => runCommand([...argv, '--store', store], { stdin })
    expect((await on(['import', '-'], ndjson)).stdout).toBe('Imported 2,500 attempts from standard input.\n')
    expect((await on(['import', '-'], ndjson)).stdout).toContain(
      'Imported 0 attempts from standard input, 2,500 known already.',
    )
    expect((await on(['report'])).stdout).toContain('2,500 attempts, 75.00 %')
    expect((await on(['report', '--agent-name', 'goose'])).stdout).toContain('1,250 attempts, 50.00 %')
    expect((await on(['compare-models'])).stdout).toMatch(/^gpt-5 +75\.00 %/m)
    const best = await on(['best', 'bug'])
    expect(best).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('droid with gpt-5\n  success     100.00 %'),
    })
    expect(best.stdout).toContain('verdict     better than every other')
    expect((await on(['best', 'bug', '--agent-name', 'goose'])).stdout).toContain('no other agent to compare with')
    expect((await on(['best', 'feature'])).exitCode).toBe(1)
    expect((await on(['best', 'bug', '--until', '2020-01-01T00:00:00Z'])).exitCode).toBe(1)
  })

  test('exports what was imported, and a copy of it imports again', async () => {
    const store = join(folder, 'b.json')
    await runCommand(['import', '-', '--store', store], { stdin: ndjson })
    const { stdout } = await runCommand(['export', '--store', store])
    const exported = stdout.trimEnd().split('\n')
    expect(exported.map(line => JSON.parse(line).attempt_id).toSorted()).toEqual(
      attempts.map(one => one.attempt_id).toSorted(),
    )
    const copy = await runCommand(['import', '-', '--store', join(folder, 'c.json')], { stdin: stdout })
    expect(copy.stdout).toBe('Imported 2,500 attempts from standard input.\n')
    const goose = await runCommand(['export', '--store', store, '--agent-name', 'goose'])
    expect(goose.stdout.trimEnd().split('\n')).toHaveLength(1250)
  })

  test('that another process has open is readable, and refuses recording with 75 and the way to record', async () => {
    const store = join(folder, 'd.json')
    const tracker = new AgentPerformanceTracker({ store })
    await tracker.recordAttempt(attempts[0]!)
    for (const argv of [['report'], ['best', 'bug', '--min-attempts', '1'], ['export']]) {
      const outcome = await runCommand([...argv, '--store', store])
      expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
      expect(outcome.stdout).toContain('droid')
    }
    const outcome = await runCommand(['import', '-', '--store', store], { stdin: ndjson })
    expect(outcome).toMatchObject({ exitCode: 75, stdout: '' })
    expect(outcome.stderr).toContain(store)
    expect(outcome.stderr).toContain(`process ${process.pid} `)
    expect(outcome.stderr).toContain('--url')
    await tracker.close()
    expect((await runCommand(['import', '-', '--store', store], { stdin: ndjson })).exitCode).toBe(0)
  })

  test('that cannot exist is reported with its path', async () => {
    const notFolder = join(folder, 'file')
    writeFileSync(notFolder, '')
    const store = join(notFolder, 'a.json')
    const { exitCode, stderr } = await runCommand(['import', '-', '--store', store], { stdin: ndjson })
    expect([73, 74]).toContain(exitCode)
    expect(stderr).toContain(store)
  })
})
