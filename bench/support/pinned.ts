/** Runs processes under test on core 0 and this process, which generates the load, on core 1. Stops children by their process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** Whether servers and load run on separate cores. */
export const PINNED: boolean = availableParallelism() >= 2 && existsSync('/usr/bin/taskset')

/** Pins all threads of this process to core 1. Children inherit it. */
export function pinSelf(): void {
  if (PINNED) execFileSync('taskset', ['-acp', '1', String(process.pid)], { stdio: 'ignore' })
}

export interface Pinned {
  readonly process: ChildProcess
  /** Its standard output and standard error so far, at most the last 1 MB. */
  readonly output: () => string
  /** Resolves with the first match in its output. Rejects with the output if it exits before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** Sends the signal. Resolves when the process has exited. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

export interface PinnedOptions {
  /** `0,1`: whichever is free. */
  readonly core?: 0 | 1 | '0,1'
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** Starts a command, by default on core 0. It is killed when this process exits. */
export function startPinned(command: string, args: readonly string[], options: PinnedOptions = {}): Pinned {
  const [name, ...rest] = PINNED ? ['taskset', '-c', String(options.core ?? 0), command, ...args] : [command, ...args]
  const child = spawn(name!, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  })
  running.add(child)
  const ended = once(child, 'close').finally(() => running.delete(child))
  ended.catch(() => undefined)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-1_000_000)
    })
  }
  return {
    process: child,
    output: () => output,
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(output)
        if (match !== null) return match
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} exited: ${output}`)
        await pause(5)
      }
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}

/** Runs a command to completion. Resolves with its output. Rejects with the output if the exit code is not 0. */
export async function runPinned(
  command: string,
  args: readonly string[],
  options: PinnedOptions = {},
): Promise<string> {
  const { process: child, output } = startPinned(command, args, options)
  const [code] = await once(child, 'close')
  if (code === 0) return output()
  throw new Error(`${command} ${args.join(' ')} exited with ${code}: ${output()}`)
}

/** CPU time of a process in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Waits until a process is idle, at most `limitMs`, so that its background work does not affect the next measurement. */
export async function quiet(pid: number, limitMs = 3000): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < limitMs; ) {
    const before = cpuSeconds(pid)
    await pause(100)
    if (cpuSeconds(pid) - before < 0.02) return
  }
}
