/** The environment of a command: streams, variables and signals. `process` implements it, and tests pass their own. */
import { fstatSync, writeSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'
import type { Environment } from '../config/config.ts'
import { CommandError, EXIT, systemCode } from './exit.ts'

/** A stream that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  hasColors?(env?: object): boolean
}

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

export interface Io {
  readonly env: Environment
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
  on(signal: Signal, listener: (signal: Signal) => void): unknown
  off(signal: Signal, listener: (signal: Signal) => void): unknown
  /** Exits at once. */
  exit(code: number): void
}

/** A destination for text. `write` resolves when the text is written. */
export interface TextOutput {
  write(text: string): Promise<void>
}

/**
 * Writes, and resolves when the text is written. Awaiting it applies backpressure. Rejects with EPIPE if the reader has gone, and with a
 * {@link CommandError} if the write fails, for example on a full disk.
 */
export async function write(to: Writable, text: string): Promise<void> {
  try {
    const fd = fileOf(to)
    if (fd === undefined) await writeStream(to, text)
    else writeWhole(fd, Buffer.from(text))
  } catch (error) {
    throw systemCode(error) === 'EPIPE' ? error : notWritten('standard output', error)
  }
}

function writeStream(to: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(text, error => (error ? reject(error) : resolve()))
  })
}

/**
 * The descriptor of standard output if it is a file. Such a file is written without Node's stream, which reports success after a short
 * write on a full disk.
 */
function fileOf(to: Writable): number | undefined {
  if (!('fd' in to) || typeof to.fd !== 'number' || to.writableLength > 0) return undefined
  const stat = fstatSync(to.fd)
  return stat.isFile() ? to.fd : undefined
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'there is no space left on the device'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EFBIG', 'the file would be larger than is allowed'],
])

/** The error of a failed write, as one sentence. The exit code of a permission error comes from its cause. */
export function notWritten(what: string, error: unknown): CommandError {
  const code = systemCode(error)
  const reason = (code !== undefined && REASONS.get(code)) || (error instanceof Error ? error.message : String(error))
  return new CommandError(EXIT.io, `cannot write ${what}: ${reason}`, { cause: error })
}

/** Writes a line. */
export const print = (to: Writable, text: string): Promise<void> => write(to, `${text}\n`)

/** Writes an answer as JSON. */
export const printJson = (to: Writable, answer: unknown): Promise<void> => print(to, JSON.stringify(answer, null, 2))

/** A style of text on a terminal: what stands out, what is secondary, and good, doubtful and bad news. */
export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** The text in a style, on a terminal with colours. Unchanged elsewhere, and if NO_COLOR is set. Each line is styled alone, for pagers. */
export function styled(style: Style, text: string, to: Output, env: Environment): string {
  if (to.isTTY !== true || to.hasColors?.(env) !== true) return text
  return text
    .split('\n')
    .map(line => styleText(style, line, { validateStream: false }))
    .join('\n')
}

/** Bold on a terminal with colours. */
export const bold = (text: string, to: Output, env: Environment): string => styled('bold', text, to, env)

/** Lines of the terminal, or unlimited if the output is no terminal. */
export const heightOf = (to: Output): number => (to.isTTY === true ? (to.rows ?? 24) : Number.POSITIVE_INFINITY)

/** Maximum width of a table: the width of the terminal, or unlimited if the output is no terminal. */
export const widthOf = (to: Output): number => (to.isTTY === true ? (to.columns ?? 80) : Number.POSITIVE_INFINITY)
