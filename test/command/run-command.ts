/** Runs a command as main.ts does, with streams of the test. */
import { EventEmitter } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { failureOf } from '../../src/command/exit.ts'
import type { Io, Output } from '../../src/command/io.ts'
import { run } from '../../src/command/program.ts'
import type { StartSidecar } from '../../src/command/serve.ts'

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Buffer
  /** Standard input, in the place of `stdin`. */
  readonly input?: Readable
  /** Width of the terminal, if the outputs are terminals. */
  readonly columns?: number
  readonly start?: StartSidecar
}

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly outcome: Promise<Outcome>
  readonly signals: EventEmitter
  /** The text written so far. */
  stdout(): string
  stderr(): string
  /** The codes passed to `exit`. */
  readonly exits: readonly number[]
}

function capture(columns: number | undefined): { readonly output: Output; text(): string } {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  const terminal = { isTTY: true, columns, hasColors: (env: { NO_COLOR?: string }) => env.NO_COLOR === undefined }
  const output = Object.assign(stream, columns === undefined ? {} : terminal) as Output
  return { output, text: () => Buffer.concat(chunks).toString('utf8') }
}

export function startCommand(argv: readonly string[], options: RunOptions = {}): Running {
  const { env = {}, stdin = '', input, columns, start } = options
  const signals = new EventEmitter()
  const exits: number[] = []
  const stdout = capture(columns)
  const stderr = capture(columns)
  const io: Io = {
    env,
    stdin: input ?? Readable.from([Buffer.from(stdin)]),
    stdout: stdout.output,
    stderr: stderr.output,
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
    exit: code => exits.push(code),
  }
  const outcome = run(argv, io, start).then(
    exitCode => ({ exitCode, stdout: stdout.text(), stderr: stderr.text() }),
    error => {
      const { exitCode, message } = failureOf(error, argv, env)
      return { exitCode, stdout: stdout.text(), stderr: `${stderr.text()}${message}\n` }
    },
  )
  return { outcome, signals, stdout: stdout.text, stderr: stderr.text, exits }
}

export function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return startCommand(argv, options).outcome
}
