/** OTLP rules from a file: active from the start, reloaded on SIGHUP all or nothing, and reported by check-config. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { sendSpans, spans } from '../receive/otlp/telemetry.ts'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

const rules = (word: string): string =>
  JSON.stringify({
    'our-runs': {
      signal: 'traces',
      when: { 'record:operation': [word] },
      attempt: {
        agent_name: ['who'],
        model_name: ['model'],
        issue_type: [{ value: 'other' }],
        success: ['record:success'],
        time_seconds: ['record:duration_seconds'],
        attempt_id: ['record:id'],
      },
    },
  })

async function send(sidecar: SidecarProcess, name: string): Promise<number> {
  const attributes = { who: name, model: 'm' }
  expect(await sendSpans(`${sidecar.url}/v1/`, 'protobuf', spans([{ name: `${name} it`, attributes }]))).toBe(0)
  const { by_agent } = (await (await fetch(`${sidecar.url}/api/v1/report`)).json()) as {
    by_agent: Record<string, { total_attempts: number }>
  }
  return by_agent[name]?.total_attempts ?? 0
}

async function hangUp(sidecar: SidecarProcess, said: RegExp): Promise<void> {
  const before = sidecar.log().length
  sidecar.process.kill('SIGHUP')
  await expect.poll(() => sidecar.log().slice(before)).toMatch(said)
}

test('rules of a file are active and reloaded on SIGHUP, and an invalid file changes nothing', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'rules.json')
  await writeFile(file, rules('run'))
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { args: ['--otlp-mapping', file] })
  expect([await send(sidecar, 'run'), await send(sidecar, 'walk')]).toEqual([1, 0])
  await writeFile(file, '{ "our-runs": { "signal": "traces" } }')
  await hangUp(sidecar, /nothing was read again/)
  expect(sidecar.log()).toContain(`${file} line 1: our-runs is a new rule and must state when`)
  expect([await send(sidecar, 'run'), await send(sidecar, 'walk')]).toEqual([2, 0])
  await writeFile(file, rules('walk'))
  await hangUp(sidecar, /were read again/)
  expect([await send(sidecar, 'run'), await send(sidecar, 'walk')]).toEqual([2, 1])
  expect(await sidecar.stop()).toBe(0)
})

test('check-config reports what the rules change, and refuses the same files as serve', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'rules.json')
  const run = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [MAIN, 'check-config', '--otlp-mapping', file, ...args])
  await writeFile(file, JSON.stringify({ 'claude-code': { enabled: true } }))
  expect((await run()).stdout).toMatch(/otlp-mapping changes:\n {2}claude-code: on\n$/)
  expect(JSON.parse((await run('--json')).stdout)).toContainEqual({
    name: 'otlp-mapping',
    value: file,
    source: 'flag',
    place: '--otlp-mapping',
    changes: ['claude-code: on'],
  })
  await writeFile(file, '{"claude-code": {"on": true}}')
  await expect(run()).rejects.toMatchObject({
    code: 78,
    stderr: expect.stringContaining(`${file} line 1: claude-code`),
  })
  await expect(startSidecarProcess(join(folder.path, 's.json'), { args: ['--otlp-mapping', file] })).rejects.toThrow(
    `the sidecar ended with 78: agent-performance: ${file} line 1`,
  )
})
