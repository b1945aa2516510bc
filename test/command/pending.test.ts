/** Questions about attempts that are all pending, or most of them: every answer says so. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'
import { runCommand } from './run-command.ts'

const { success: _, ...PENDING } = anAttempt({ agent_name: 'droid', model_name: 'opus', issue_type: 'bug' })
const pending = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) => ({ ...PENDING, attempt_id: `pending ${i}` }))
const store = join(mkdtempSync(join(tmpdir(), 'pending-')), 'perf.json')

beforeAll(async () => {
  const tracker = new AgentPerformanceTracker({ store })
  await tracker.keep(pending(12) as never)
  await tracker.close()
})

const TWELVE = /^12 attempts are pending, and none that fits has a result: record outcomes to decide them\.$/m

describe('of a store whose attempts are all pending', () => {
  test.each([
    ['best', 'bug'],
    ['route', 'bug'],
  ])('%s exits with 1 and says how many are pending', async (...question) => {
    const { exitCode, stderr, stdout } = await runCommand([...question, '--store', store])
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(TWELVE)
    // The name is not unknown.
    expect(stderr).not.toContain('No attempt has the issue type')
  })

  test.each(['report', 'trends', 'costs', 'calibration'])(
    '%s says how many are pending, not that nothing was recorded',
    async question => {
      const { exitCode, stdout } = await runCommand([question, '--store', store, '--issue-type', 'bug'])
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(TWELVE)
      expect(stdout).not.toContain('No attempts yet')
    },
  )

  test('an unknown name is still pointed out, and is not said to be pending', async () => {
    const { stderr } = await runCommand(['best', 'bugs', '--store', store])
    expect(stderr).not.toContain('attempts are pending')
  })
})

test('over HTTP, best-agent, route and leaderboard say how many attempts are pending, also where most are', async () => {
  await using sidecar = await testSidecar()
  const ask = async (path: string): Promise<{ outcomes?: unknown; detail?: string }> =>
    (await (await sidecar.get(`/api/v1/${path}issue_type=bug`)).json()) as never
  expect((await sidecar.post(pending(12))).status).toBe(200)
  expect((await ask('best-agent?')).detail).toBe(
    'no agent has 5 attempts or more at issue type "bug": 12 attempts are pending',
  )
  const all = { verified: 0, reported: 0, pending: 12 }
  expect(await ask('route?')).toMatchObject({ ranked: [], outcomes: all })
  expect(await ask('leaderboard?')).toMatchObject({ rows: [], outcomes: all })
  const { stderr } = await runCommand(['best', 'bug', '--url', sidecar.url])
  expect(stderr).toMatch(TWELVE)

  const decided = Array.from({ length: 5 }, () => anAttempt({ agent_name: 'droid', issue_type: 'bug' }))
  expect((await sidecar.post(decided)).status).toBe(200)
  for (const path of ['best-agent?', 'route?', 'leaderboard?'])
    expect((await ask(path)).outcomes).toEqual({ ...all, reported: 5 })
  for (const question of ['best', 'route']) {
    const { stdout } = await runCommand([question, 'bug', '--url', sidecar.url])
    expect(stdout).toContain('own reports 5; pending 12')
  }
})
