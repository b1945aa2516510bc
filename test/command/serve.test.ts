import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { StartSidecar } from '../../src/command/serve.ts'
import type { Config } from '../../src/config/config.ts'
import { NewerRecord } from '../../src/core/log.ts'
import { runCommand, startCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'serve-'))

/** A sidecar whose start and drain the test completes. */
function fakeSidecar() {
  const closed = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  const close = vi.fn(() => closed.promise)
  const reload = vi.fn(async () => {})
  const outdated = Promise.withResolvers<Error>()
  let config: Config | undefined
  const start: StartSidecar = async given => {
    config = given
    await started.promise
    return { url: 'http://127.0.0.1:54321', close, reload, outdated: outdated.promise }
  }
  return { start, outdated, close, reload, started, closed, config: () => config }
}

/** Silences the log, which goes to the test's own standard error. */
const QUIET = ['--log-level', 'silent']

describe('serve', () => {
  test('prints one line when it is ready, drains after SIGTERM, and exits with 0', async () => {
    const sidecar = fakeSidecar()
    const running = startCommand(['serve', ...QUIET], sidecar)
    await vi.waitFor(() => expect(sidecar.config()).toBeDefined())
    expect(running.stdout()).toBe('')
    sidecar.started.resolve()
    await vi.waitFor(() => expect(running.stdout()).not.toBe(''))
    running.signals.emit('SIGTERM', 'SIGTERM')
    await vi.waitFor(() => expect(sidecar.close).toHaveBeenCalledTimes(1))
    sidecar.closed.resolve()
    const stdout = 'agent-performance listening on http://127.0.0.1:54321\n'
    expect(await running.outcome).toEqual({ exitCode: 0, stdout, stderr: '' })
    expect(running.exits).toEqual([])
  })

  test('a store with records of a newer version ends it with 78, after a drain', async () => {
    const sidecar = fakeSidecar()
    const running = startCommand(['serve', ...QUIET], sidecar)
    sidecar.started.resolve()
    await vi.waitFor(() => expect(running.stdout()).not.toBe(''))
    sidecar.outdated.resolve(new NewerRecord(2, 1))
    await vi.waitFor(() => expect(sidecar.close).toHaveBeenCalledTimes(1))
    sidecar.closed.resolve()
    expect(await running.outcome).toMatchObject({
      exitCode: 78,
      stderr: expect.stringContaining('records of version 2'),
    })
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ])('a second signal, %s, ends it at once with %d', async (signal, exitCode) => {
    const sidecar = fakeSidecar()
    const running = startCommand(['serve', ...QUIET], sidecar)
    sidecar.started.resolve()
    await vi.waitFor(() => expect(running.stdout()).not.toBe(''))
    running.signals.emit('SIGINT', 'SIGINT')
    expect(running.exits).toEqual([])
    running.signals.emit(signal, signal)
    expect(running.exits).toEqual([exitCode])
    sidecar.closed.resolve()
    await running.outcome
  })

  test('after a signal during the start, it starts, closes again, and never reports that it is ready', async () => {
    const sidecar = fakeSidecar()
    const running = startCommand(['serve', ...QUIET], sidecar)
    await vi.waitFor(() => expect(sidecar.config()).toBeDefined())
    running.signals.emit('SIGTERM', 'SIGTERM')
    sidecar.started.resolve()
    sidecar.closed.resolve()
    expect(await running.outcome).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(sidecar.close).toHaveBeenCalledTimes(1)
  })

  test('SIGHUP reloads, and the sidecar keeps running if the reload fails', async () => {
    const sidecar = fakeSidecar()
    const running = startCommand(['serve', ...QUIET], sidecar)
    sidecar.started.resolve()
    await vi.waitFor(() => expect(running.stdout()).not.toBe(''))
    sidecar.reload.mockRejectedValueOnce(new Error('the token file is empty'))
    running.signals.emit('SIGHUP', 'SIGHUP')
    running.signals.emit('SIGHUP', 'SIGHUP')
    expect(sidecar.reload).toHaveBeenCalledTimes(2)
    running.signals.emit('SIGTERM', 'SIGTERM')
    sidecar.closed.resolve()
    expect((await running.outcome).exitCode).toBe(0)
  })

  test('runs with the settings of flags, environment and file', async () => {
    const sidecar = fakeSidecar()
    const configFile = join(folder, 'agents.yaml')
    writeFileSync(configFile, 'listen: 127.0.0.1:0\nmax-keys: 7\nadmin: true\n')
    const flags = ['--config', configFile, '--admin', 'false', '--allow-host', 'a.example', '--allow-host', 'b.example']
    const env = { AGENT_PERFORMANCE_STORE: '/var/lib/agents.json' }
    const running = startCommand(['serve', ...flags, ...QUIET], { ...sidecar, env })
    await vi.waitFor(() => expect(sidecar.config()).toBeDefined())
    expect(sidecar.config()).toMatchObject({
      listen: { host: '127.0.0.1', port: 0 },
      maxKeys: 7,
      admin: false,
      store: '/var/lib/agents.json',
      allowHost: ['a.example', 'b.example'],
    })
    running.signals.emit('SIGTERM', 'SIGTERM')
    sidecar.started.resolve()
    sidecar.closed.resolve()
    await running.outcome
  })

  test.each([
    ['a store that is locked', Object.assign(new Error('/x is in use by process 7'), { exitCode: 75 }), 75],
    ['a newer format', Object.assign(new Error('/x has format version 9'), { exitCode: 78 }), 78],
    ['a path that may not be read', Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }), 77],
    ['an address in use', Object.assign(new Error('listen EADDRINUSE: 127.0.0.1:1'), { code: 'EADDRINUSE' }), 75],
    ['a failing disk', new Error('cannot write', { cause: Object.assign(new Error('EIO'), { code: 'EIO' }) }), 74],
    ['a defect', new TypeError('x is not a function'), 70],
  ])('%s keeps it from starting: one line without a stack, and its exit code', async (_what, error, exitCode) => {
    const outcome = await runCommand(['serve', ...QUIET], { start: () => Promise.reject(error) })
    expect(outcome).toMatchObject({ exitCode, stdout: '' })
    expect(outcome.stderr).toContain(error.message)
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('an internal error shows its stack at log level debug', async () => {
    const start = () => Promise.reject(new TypeError('x is not a function'))
    const env = { AGENT_PERFORMANCE_LOG_LEVEL: 'debug' }
    expect((await runCommand(['serve'], { start, env })).stderr).toMatch(/\n {4}at /)
    expect((await runCommand(['serve', '--log-level=trace'], { start })).stderr).toMatch(/\n {4}at /)
  })

  test('does not start with invalid settings', async () => {
    const start = vi.fn<StartSidecar>()
    const refused = await runCommand(['serve', '--listen', '0.0.0.0:1'], { start })
    expect(refused.exitCode).toBe(78)
    expect(refused.stderr).toContain('--insecure-no-auth')
    expect((await runCommand(['serve', '--listn', 'x'], { start })).stderr).toMatch(/--listn[\s\S]*--listen/)
    expect(start).not.toHaveBeenCalled()
  })
})

describe('check-config', () => {
  test('shows every value in force and its source', async () => {
    const configFile = join(folder, 'check.yaml')
    writeFileSync(configFile, 'max-keys: 7\n')
    const argv = ['check-config', '--config', configFile, '--store', join(folder, 'checked.json')]
    const env = { AGENT_PERFORMANCE_ALLOW_HOST: 'a.example,b.example' }
    const { exitCode, stdout } = await runCommand(argv, { env })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`^store +${join(folder, 'checked.json')} +--store$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^max-keys +7 +${configFile} line 1$`, 'm'))
    expect(stdout).toMatch(/^allow-host +a\.example, b\.example +AGENT_PERFORMANCE_ALLOW_HOST$/m)
    expect(stdout).toMatch(/^headers-timeout +10s +default$/m)
    const json = await runCommand([...argv, '--json'], { env })
    expect(JSON.parse(json.stdout)).toContainEqual({
      name: 'max-keys',
      value: 7,
      source: 'file',
      place: `${configFile} line 1: max-keys`,
    })
    expect(JSON.parse(json.stdout)).toContainEqual({ name: 'admin', value: false, source: 'default', place: 'default' })
  })

  test('rejects settings that serve rejects', async () => {
    expect((await runCommand(['check-config'], { env: { AGENT_PERFORMANCE_TLS_KEY: 'k' } })).exitCode).toBe(78)
    expect((await runCommand(['check-config', '--max-keys', 'x'])).exitCode).toBe(64)
  })
})
