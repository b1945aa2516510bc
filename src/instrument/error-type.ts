/** What an error is called in an attempt. */

/** The value of `error.type` for a failure of unknown kind, by the conventions of OpenTelemetry. */
export const OTHER_ERROR = '_OTHER'

/**
 * A short, stable type of an error: its name (`AbortError`, `TimeoutError`), or its code (`ECONNRESET`) or class if the name is just `Error`.
 * Never its message, because messages have unbounded cardinality.
 */
export function errorType(error: unknown): string {
  try {
    const { name, code } = error as { name?: unknown; code?: unknown }
    if (isWord(name) && name !== 'Error') return name
    if (isWord(code)) return code
    const className: unknown = (error as object).constructor.name
    return name === 'Error' && isWord(className) ? className : OTHER_ERROR
  } catch {
    return OTHER_ERROR
  }
}

/** The message of an error, if it has one. Never throws. */
export function errorMessage(error: unknown): string | undefined {
  try {
    const { message } = error as { message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.$:/-]{1,128}$/.test(value)
}
