import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { startFakeSidecar } from './fake-sidecar.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
// Without the cache, each of the processes compiles the whole command.
const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }

/** Runs the command in a process of its own. */
async function runMain(
  argv: readonly string[],
  more: { readonly node?: readonly string[]; readonly env?: object } = {},
) {
  const child = spawn(process.execPath, [...(more.node ?? []), MAIN, ...argv], { env: { ...env, ...more.env } })
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { exitCode, stdout, stderr }
}

describe('the Node version', () => {
  const pretend = (version: string): string[] => [
    '--import',
    `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '${version}' })`,
  ]

  test.each(['18.20.0', '20.20.2', '22.22.1', '23.9.0', '24.14.9', '25.1.0'])(
    '%s is refused with the required version, with 78',
    async version => {
      const outcome = await runMain(['--version'], { node: pretend(version) })
      expect(outcome).toMatchObject({ exitCode: 78, stdout: '' })
      expect(outcome.stderr).toContain(`needs Node ${manifest.engines.node}, and this is Node ${version}`)
    },
  )

  test.each(['22.22.2', '22.23.0', '24.15.0', '26.0.0', '27.1.2'])('%s is accepted', async version => {
    expect(await runMain(['--version'], { node: pretend(version) })).toEqual({
      exitCode: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    })
  })

  test('main.ts imports nothing before the check, and uses no syntax that an old Node cannot parse', () => {
    const source = readFileSync(MAIN, 'utf8')
    expect(source.startsWith('#!/usr/bin/env node\n')).toBe(true)
    expect(source).not.toMatch(/^import |^export .* from|\?\.|\?\?|^await /m)
  })
})

describe('a checkout', () => {
  const LAUNCHER = new URL('../../bin/agent-performance.js', import.meta.url).pathname

  test('runs the command by npx, without a build', async () => {
    await using cache = await temporaryFolder()
    const child = spawn('npx', ['agent-performance', 'report', '--url', 'http://127.0.0.1:1'], {
      cwd: new URL('../..', import.meta.url),
      // A cache of its own, because the user's may have the command from before. No network is needed.
      env: { ...env, HOME: cache.path, npm_config_cache: cache.path, npm_config_offline: 'true' },
    })
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 69, stdout: '' })
    expect(stderr).toContain('no sidecar reached at http://127.0.0.1:1/')
  })

  test('brings its own Node: with one that cannot run the source, the command runs all the same', async () => {
    // As on Node 20, which has no type stripping.
    const old = [
      '--import',
      "data:text/javascript,Object.defineProperty(process.features, 'typescript', { value: false })",
    ]
    const child = spawn(process.execPath, [...old, LAUNCHER, 'best'], { env })
    const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'close')])
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining("missing required argument 'issue-type'"),
    })
  })
})

describe('output streams', () => {
  test('answers go to standard output, errors as one line to standard error, with their exit codes', async () => {
    await using sidecar = await startFakeSidecar(({ path }) =>
      path.endsWith('best-agent') ? { status: 404 } : { body: {} },
    )
    const url = { AGENT_PERFORMANCE_URL: sidecar.url }
    const [help, compared, unknown, usage, unreached, config] = await Promise.all([
      runMain(['--help']),
      runMain(['compare-models', '--json'], { env: url }),
      runMain(['best', 'bug'], { env: url }),
      runMain(['best']),
      runMain(['report', '--url', 'http://127.0.0.1:1']),
      runMain(['check-config'], { env: { AGENT_PERFORMANCE_LISTN: 'x' } }),
    ])
    expect(help).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining('Usage: agent-performance') })
    expect(compared).toEqual({ exitCode: 0, stdout: '{}\n', stderr: '' })
    expect(unknown).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('No agent has 5 attempts'),
    })
    expect(usage).toMatchObject({
      exitCode: 64,
      stdout: '',
      stderr: expect.stringContaining("missing required argument 'issue-type'"),
    })
    expect(unreached).toMatchObject({ exitCode: 69, stdout: '', stderr: expect.stringContaining('no sidecar reached') })
    expect(config).toMatchObject({
      exitCode: 78,
      stdout: '',
      stderr: expect.stringContaining('AGENT_PERFORMANCE_LISTEN?'),
    })
  })

  test('an export ends without an error if its reader closes the pipe', async () => {
    const attempts = Array.from({ length: 1000 }, (_, i) => ({ attempt_id: `id-${i}`, agent_name: 'a'.repeat(200) }))
    await using sidecar = await startFakeSidecar(() => ({ body: { attempts, next_cursor: 'more' } }))
    const child = spawn(process.execPath, [MAIN, 'export', '--url', sidecar.url], { env })
    child.stdout.once('data', () => child.stdout.destroy())
    const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'close')])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  test('the log of serve is JSON lines on standard error', async () => {
    const { createLog } = await import('../../src/server/log.ts')
    const lines: string[] = []
    const log = createLog('info', { write: line => void lines.push(line) })
    log.debug('unheard')
    log.info({ port: 1 }, 'ready')
    expect(lines.map(line => JSON.parse(line))).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), port: 1, msg: 'ready' },
    ])
  })
})
