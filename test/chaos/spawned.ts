/** A sidecar in a process of its own that may end at any moment: before it is ready, by a signal, under another command. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Killed, if it still lives, at the end of the scope. */
export interface Spawned extends AsyncDisposable {
  readonly process: ChildProcess
  /** Its URL when it says that it is ready; undefined where it ended before. */
  readonly ready: Promise<string | undefined>
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** What it has written to standard error so far. */
  readonly log: () => string
}

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** Starts one on a free port. `under` is a command, with its arguments, that runs it in the place of its own process. */
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

/** Its URL; rejects with its log where it ended before it was ready. */
export async function urlOf({ ready, ended, log }: Spawned): Promise<string> {
  const url = await ready
  if (url === undefined) throw new Error(`the sidecar ended with ${await ended} before it was ready: ${log()}`)
  return url
}

/** Ends it and resolves with how it ended. */
export function end(sidecar: Spawned, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
  sidecar.process.kill(signal)
  return sidecar.ended
}
