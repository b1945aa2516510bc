/** What a command has of the outside: `process` fits, and so do the streams of a test. */
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'
import type { Environment } from '../config.ts'

/** A stream that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
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
  /** Ends at once. */
  exit(code: number): void
}

/** Writes, and resolves when it is written: whoever awaits it never runs ahead of its reader. Rejects where that is gone. */
export function write(to: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(text, error => (error ? reject(error) : resolve()))
  })
}

/** Writes a line. */
export const print = (to: Writable, text: string): Promise<void> => write(to, `${text}\n`)

/** Writes an answer as JSON for machines. */
export const printJson = (to: Writable, answer: unknown): Promise<void> => print(to, JSON.stringify(answer, null, 2))

/** Bold on a terminal that has colours, and plain elsewhere and under NO_COLOR. */
export function bold(text: string, to: Output, env: Environment): string {
  const colours = to.isTTY === true && to.hasColors?.(env) === true
  return colours ? styleText('bold', text, { validateStream: false }) : text
}

/** Columns a table may take: those of the terminal; any number where nobody looks. */
export const widthOf = (to: Output): number => (to.isTTY === true ? (to.columns ?? 80) : Number.POSITIVE_INFINITY)
