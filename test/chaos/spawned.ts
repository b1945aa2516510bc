/** A sidecar in a separate process that may exit at any time: before it is ready, by a signal, or under another command. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A started process. It is killed at the end of the scope if it still runs. */
export interface Spawned extends AsyncDisposable {
  readonly process: ChildProcess
  /** The URL once the sidecar is ready. Undefined if it exited before. */
  readonly ready: Promise<string | undefined>
  /** The exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Its standard error so far. */
  readonly log: () => string
}

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** Starts a sidecar on a free port. `under` is a command with arguments that runs it, such as `strace`. */
export function spawnSidecar(
  store: string,
  { args = [], under = [] }: { args?: readonly string[]; under?: readonly string[] } = {},
): Spawned {
  const [command = '', ...rest] = [...under, process.execPath, MAIN, 'serve', '--listen', '127.0.0.1:0']
  const child = spawn(command, [...rest, '--store', store, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  let out = ''
  const ready = new Promise<string | undefined>(resolve => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const url = /https?:\/\/\S+(?=\n)/.exec(out)?.[0]
      if (url !== undefined) resolve(url)
    })
    child.once('close', () => resolve(undefined))
  })
  return {
    process: child,
    ready,
    ended,
    log: () => log,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The URL of a ready sidecar. Rejects with its log if it exited before it was ready. */
export async function urlOf({ ready, ended, log }: Spawned): Promise<string> {
  const url = await ready
  if (url === undefined) throw new Error(`the sidecar ended with ${await ended} before it was ready: ${log()}`)
  return url
}

/** Sends the signal. Resolves with the exit code, or the name of the signal that ended the process. */
export function end(sidecar: Spawned, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
  sidecar.process.kill(signal)
  return sidecar.ended
}
