/** The sidecar's log: JSON lines on standard error, so that standard output is for answers alone. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from '../config/config.ts'
import { openLogOutput } from './log-output.ts'

/**
 * A log of lines with `level` as a word and `time` as RFC 3339. By default it writes to standard error, and never blocks or throws,
 * whatever standard error is and whether or not it is read.
 */
export function createLog(level: LogLevel, to: DestinationStream = openLogOutput(2)): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, formatters }, to)
}
