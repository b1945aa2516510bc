/** The sidecar as a user starts it: `npm start`, in a process group of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'

const ROOT = new URL('../..', import.meta.url).pathname

export interface NpmStart extends AsyncDisposable {
  readonly url: string
  /** npm. The sidecar is its child. */
  readonly process: ChildProcess
  /** What both have printed so far. */
  readonly output: () => string
  /** The exit code of npm and the signal that ended it. */
  readonly ended: Promise<readonly unknown[]>
}

/** Starts it on a free port. Resolves when it is ready. What still runs at the end of the scope is killed. */
export async function npmStart(store: string): Promise<NpmStart> {
  const args = ['start', '--', '--listen', '127.0.0.1:0', '--store', store]
  const child = spawn('npm', args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const urlOf = (text: string): string | undefined => /listening on (http:\S+)\n/.exec(text)?.[1]
  const ended = once(child, 'exit')
  const endGroup = async (): Promise<void> => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It ended already.
    }
    await ended
  }
  try {
    await expect.poll(() => urlOf(output)).toBeDefined()
  } catch (error) {
    await endGroup()
    throw error
  }
  return { url: urlOf(output)!, process: child, output: () => output, ended, [Symbol.asyncDispose]: endGroup }
}
