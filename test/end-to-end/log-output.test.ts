/** A sidecar whose standard error or output cannot be written: it starts, answers, records attempts and stops as usual. */
import { type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openFullSocket, openPipe } from '../support/blocked.ts'
import { anAttempt } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const URL_IN_TEXT = /https?:\/\/[\d.]+:\d+/

interface Running extends AsyncDisposable {
  readonly url: string
  /** Sends SIGTERM. Resolves with the exit code or signal. */
  stop(): Promise<number | NodeJS.Signals>
}

/** Starts a sidecar. The URL is in the result of `read`, or else on standard output. */
async function start(folder: string, stdio: StdioOptions, read?: () => string): Promise<Running> {
  const args = [MAIN, 'serve', '--listen', '127.0.0.1:0', '--store', join(folder, 's.json'), '--drain-timeout', '1s']
  const child = spawn(process.execPath, args, { stdio })
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  let out = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  try {
    await expect.poll(() => read?.() ?? out, { interval: 20 }).toMatch(URL_IN_TEXT)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    url: URL_IN_TEXT.exec(read?.() ?? out)![0],
    async stop() {
      child.kill('SIGTERM')
      return await ended
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function post(url: string, body: unknown): Promise<number> {
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5000),
  })
  return answer.status
}

/** Checks that it logs, answers, records attempts, and exits with 0. */
async function expectSound(sidecar: Running): Promise<void> {
  // Refused requests are logged.
  expect(await post(sidecar.url, { agent_name: '' })).toBe(400)
  expect(await post(sidecar.url, anAttempt())).toBe(200)
  const { status } = await fetch(`${sidecar.url}/livez`, { signal: AbortSignal.timeout(5000) })
  expect(status).toBe(200)
  expect(await sidecar.stop()).toBe(0)
}

describe('a sidecar whose standard error', () => {
  test('is always full starts, answers, records attempts and stops', async () => {
    await using folder = await temporaryFolder()
    const fd = openSync('/dev/full', 'w')
    await using sidecar = await start(folder.path, ['ignore', 'pipe', fd])
    closeSync(fd)
    await expectSound(sidecar)
  })

  test('is a full pipe that nothing reads starts, answers, records attempts and stops', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    pipe.fill()
    await using sidecar = await start(folder.path, ['ignore', 'pipe', pipe.fd])
    await expectSound(sidecar)
  })

  test('is a pipe that is read again writes the buffered lines', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    pipe.fill()
    await using sidecar = await start(folder.path, ['ignore', 'pipe', pipe.fd])
    await post(sidecar.url, { agent_name: '' })
    let log = pipe.read()
    await expect
      .poll(() => {
        log += pipe.read()
        return log
      })
      .toMatch(/"msg":"ready"[\s\S]*"msg":"a request was refused"/)
    expect(await sidecar.stop()).toBe(0)
    expect(pipe.read()).toContain('"msg":"closed"')
  })

  test('is a full socket that nothing reads starts, answers, records attempts and stops', async () => {
    await using folder = await temporaryFolder()
    using full = await openFullSocket(folder.path)
    await using sidecar = await start(folder.path, ['ignore', 'pipe', full.socket])
    await expectSound(sidecar)
  })

  test('is a pipe whose reader ends while it runs answers, records attempts and stops', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    await using sidecar = await start(folder.path, ['ignore', 'pipe', pipe.fd])
    pipe.break()
    await expectSound(sidecar)
  })

  test('is closed from the start answers, records attempts and stops', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    pipe.break()
    await using sidecar = await start(folder.path, ['ignore', 'pipe', pipe.fd])
    await expectSound(sidecar)
  })

  test('is a file gets every line, in order', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'log')
    const fd = openSync(path, 'a')
    await using sidecar = await start(folder.path, ['ignore', 'pipe', fd])
    closeSync(fd)
    await expectSound(sidecar)
    expect(readFileSync(path, 'utf8')).toMatch(/"msg":"ready"[\s\S]*refused[\s\S]*"draining"[\s\S]*"closed"\}\n$/)
  })
})

describe('a sidecar whose standard output', () => {
  test.each(['is always full', 'is a full pipe that nothing reads', 'is a pipe without a reader'])(
    '%s starts, answers, records attempts and stops',
    async kind => {
      await using folder = await temporaryFolder()
      using pipe = openPipe(folder.path)
      if (kind === 'is a full pipe that nothing reads') pipe.fill()
      if (kind === 'is a pipe without a reader') pipe.break()
      const out = kind === 'is always full' ? openSync('/dev/full', 'w') : pipe.fd
      const path = join(folder.path, 'log')
      const log = openSync(path, 'a')
      await using sidecar = await start(folder.path, ['ignore', out, log], () => readFileSync(path, 'utf8'))
      closeSync(log)
      if (out !== pipe.fd) closeSync(out)
      await expectSound(sidecar)
    },
  )
})

test('a command that cannot print its error ends with its exit code', async () => {
  await using folder = await temporaryFolder()
  using pipe = openPipe(folder.path)
  pipe.fill()
  const full = openSync('/dev/full', 'w')
  for (const stderr of [full, pipe.fd]) {
    for (const args of [['--listen', 'nowhere'], ['--no-such-flag']]) {
      const child = spawn(process.execPath, [MAIN, 'serve', ...args], { stdio: ['ignore', 'pipe', stderr] })
      expect(await once(child, 'exit')).toEqual([64, null])
    }
  }
  closeSync(full)
})
