/** A real sidecar in a separate process, started by its command. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A process that a test leaves running, because it failed, is killed at the end of the scope. */
export interface SidecarProcess extends AsyncDisposable {
  readonly url: string
  readonly process: ChildProcess
  /** Its standard error so far. */
  readonly log: () => string
  /** Sends a signal. Resolves with the exit code, or the name of the signal that ended the process. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/**
 * Has Linux kill the process when the one that started it ends. A test that times out never reaches the end of its scope, and its worker is
 * ended by a signal. `setpriv` replaces itself by the command, so that the process id stays the same.
 */
const SETPRIV = '/usr/bin/setpriv'
const UNTIL_PARENT_ENDS = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL'] : []

/**
 * Starts a sidecar on a free port. An empty `store` means the default store. Resolves when the sidecar is ready. Rejects
 * with its standard error if it exits before.
 */
export async function startSidecarProcess(
  store: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<SidecarProcess> {
  const serve = [MAIN, 'serve', '--listen', '127.0.0.1:0', ...(store === '' ? [] : ['--store', store]), ...args]
  const [program, ...rest] = [...UNTIL_PARENT_ENDS, process.execPath, ...serve]
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const url = await Promise.race([
    ready(child),
    ended.then(([code, signal]) => {
      throw new Error(`the sidecar ended with ${code ?? signal}: ${errors}`)
    }),
  ])
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> => {
    child.kill(signal)
    const [code, by] = await ended
    return code ?? by!
  }
  return {
    url,
    process: child,
    log: () => errors,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  }
}

async function ready(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /https?:\/\/\S+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  return new Promise(() => undefined)
}

/** A temporary folder that is removed at the end of the scope. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'agent-performance-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
