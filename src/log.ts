/** The sidecar's log: JSON lines on standard error, so that standard output is for answers alone. */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from './config.ts'

/** A log of lines with `level` as a word and `time` as RFC 3339. It writes at once, so that a crash loses no line. */
export function createLog(level: LogLevel, to: DestinationStream = destination({ fd: 2, sync: true })): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, formatters }, to)
}
