/** A log file on a full disk: the sidecar keeps running, and resumes logging when there is space. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from './needs.ts'
import { mountSmallDisk } from './small-disk.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

test('a log file on a full disk does not stop the sidecar, and later contains complete lines only, including the buffered ones', async context => {
  needs(context, 'root', 'mount')
  await using folder = await temporaryFolder()
  using disk = mountSmallDisk('size=1m')
  const path = join(disk.path, 'log')
  const fd = openSync(path, 'a')
  const args = [MAIN, 'serve', '--listen', '127.0.0.1:0', '--store', join(folder.path, 's.json')]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', fd] })
  closeSync(fd)
  const ended = once(child, 'exit')
  try {
    const { value } = await createInterface({ input: child.stdout! })[Symbol.asyncIterator]().next()
    const url = /http:\S+/.exec(String(value))![0]
    const log = (): string => readFileSync(path, 'utf8')
    await expect.poll(log).toContain('"ready"')
    disk.fill(0)
    for (let i = 0; i < 100; i++) {
      child.kill('SIGHUP')
      expect((await fetch(`${url}/livez`)).status).toBe(200)
    }
    expect(child.exitCode).toBeNull()
    const before = log().length
    disk.empty()
    await expect.poll(() => log().length).toBeGreaterThan(before)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    const lines = log().trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line).msg).at(-1)).toBe('closed')
  } finally {
    child.kill('SIGKILL')
    await ended
  }
})
