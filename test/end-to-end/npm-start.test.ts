/** `npm start`: a signal to npm ends the sidecar, and no process stays that holds the port or the lock. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

const ROOT = new URL('../..', import.meta.url).pathname

test.for([
  ['SIGTERM, to npm alone', 'SIGTERM', false],
  ['SIGINT, to npm alone', 'SIGINT', false],
  ['SIGINT to all of them, as a terminal sends it', 'SIGINT', true],
  ['SIGTERM to all of them, as a service manager sends it', 'SIGTERM', true],
] as const)(
  'npm start ends the sidecar at %s, drains, exits with 0, and leaves no process',
  async ([_how, signal, toAll], context) => {
    needs('npm', context)
    await using folder = await temporaryFolder()
    const store = join(folder.path, 's.json')
    const args = ['start', '--', '--listen', '127.0.0.1:0', '--store', store]
    const child = spawn('npm', args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    try {
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text
        })
      const ended = once(child, 'exit')
      await expect.poll(() => output).toContain('agent-performance listening on')
      const { pid } = JSON.parse(readFileSync(join(folder.path, 's.journal/holder.json'), 'utf8')) as { pid: number }
      expect(isRunning(pid)).toBe(true)
      process.kill(toAll ? -child.pid! : child.pid!, signal)
      expect(await ended).toEqual([0, null])
      expect(isRunning(pid)).toBe(false)
      await expect.poll(() => output).toContain('"msg":"closed"')
    } finally {
      endGroup(child.pid!)
    }
  },
)

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended already.
  }
}
