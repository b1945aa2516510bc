/** Processes under test on core 0, and this one, which makes the load, on core 1; all are ended by their own id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** Whether servers and load have a core each. */
export const PINNED: boolean = availableParallelism() >= 2 && existsSync('/usr/bin/taskset')

/** Puts this process, all of its threads, on core 1. Its children begin there too. */
export function pinSelf(): void {
  if (PINNED) execFileSync('taskset', ['-acp', '1', String(process.pid)], { stdio: 'ignore' })
}

export interface Pinned {
  readonly process: ChildProcess
  /** What it has written so far, to both of its outputs. */
  readonly output: () => string
  /** Resolves with the first match in what it writes; rejects with all of that when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** Sends the signal and resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

export interface PinnedOptions {
  readonly core?: 0 | 1
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

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
        const found = pattern.exec(output)
        if (found !== null) return found
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} ended: ${output}`)
        await pause(5)
      }
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}

/** Runs to the end and answers what was written; rejects with it where that was a failure. */
export async function runPinned(
  command: string,
  args: readonly string[],
  options: PinnedOptions = {},
): Promise<string> {
  const { process: child, output } = startPinned(command, args, options)
  const [code] = await once(child, 'close')
  if (code === 0) return output()
  throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output()}`)
}

/** Seconds of a core that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Waits until a process has nothing to do, for `limitMs` at the most: what it still owes must not fall on who comes next. */
export async function quiet(pid: number, limitMs = 3000): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < limitMs; ) {
    const before = cpuSeconds(pid)
    await pause(100)
    if (cpuSeconds(pid) - before < 0.02) return
  }
}
