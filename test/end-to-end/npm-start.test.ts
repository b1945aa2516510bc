/** `npm start`: a signal to npm ends the sidecar, and no process stays that holds the port or the lock. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { npmStart } from '../support/npm-start.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

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
    await using started = await npmStart(join(folder.path, 's.json'))
    const { pid } = JSON.parse(readFileSync(join(folder.path, 's.journal/holder.json'), 'utf8')) as { pid: number }
    expect(isRunning(pid)).toBe(true)
    const npm = started.process.pid!
    process.kill(toAll ? -npm : npm, signal)
    expect(await started.ended).toEqual([0, null])
    expect(isRunning(pid)).toBe(false)
    await expect.poll(started.output).toContain('"msg":"closed"')
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
