/** The log of a store that a command reads: problems are lines on standard error. */
import type { Logger } from '../store/logger.ts'
import type { Output } from './io.ts'
import { printable } from './table.ts'

export function warningsTo(stderr: Output): Logger {
  const warn = (message: string, fields: object = {}): void => {
    const more = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`)
    const text = more.length === 0 ? message : `${message} (${more.join(', ')})`
    stderr.write(`agent-performance: warning: ${printable(text)}\n`)
  }
  return { debug() {}, info() {}, warn, error: warn }
}
