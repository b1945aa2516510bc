/** The log of the sidecar: JSON lines on standard error. Standard output is reserved for answers. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from '../config/config.ts'
import { openLogOutput } from './log-output.ts'

/**
 * A log with `level` as a word and `time` in RFC 3339. By default it writes to standard error. It never blocks and never throws, even if
 * nothing reads standard error.
 */
export function createLog(level: LogLevel, to: DestinationStream = openLogOutput(2)): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, formatters }, to)
}
