/** The log messages of a store. */
export interface Logger {
  debug(message: string, fields?: LoggerFields): void
  info(message: string, fields?: LoggerFields): void
  warn(message: string, fields?: LoggerFields): void
  error(message: string, fields?: LoggerFields): void
}

export type LoggerFields = Readonly<Record<string, unknown>>

/** Discards all lines. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
