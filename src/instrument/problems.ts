/** Counts problems inside the instrumentation, and logs them to OpenTelemetry's `diag`. Never throws them into the work. */
import { diag } from '@opentelemetry/api'

/** Numbers of problems by their source. */
export interface ProblemCounts {
  /** A label was no valid name, or the function of the labels threw. The name counts as `unknown`. */
  readonly labels: number
  /** `describe` threw, or returned an invalid field. The attempt counts without it. */
  readonly describe: number
  /** `recordAttempt` received an invalid field, which is omitted, or a value that is no attempt. */
  readonly attempt: number
  /** OpenTelemetry, or the delivery, threw. */
  readonly telemetry: number
}

export type ProblemSource = keyof ProblemCounts

export interface Problems {
  /** Never throws. */
  count(source: ProblemSource, cause: unknown): void
  /** The result of `step`. Undefined if it throws, which is counted. */
  guard<T>(source: ProblemSource, step: () => T): T | undefined
  counts(): ProblemCounts
}

/** Logs a warning to OpenTelemetry's `diag`, which is silent without a logger. Never throws. */
export function warn(text: () => string): void {
  try {
    diag.warn(`agent-performance: ${text()}`)
  } catch {
    // The logger threw, or the error cannot be printed. The counts still include the problem.
  }
}

/** An error in one line. Some errors of Node have no message, such as the one of a host whose addresses all refuse. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
}

/** Creates problems with all counts at 0. */
export function createProblems(): Problems {
  const counts = { labels: 0, describe: 0, attempt: 0, telemetry: 0 }
  const count = (source: ProblemSource, cause: unknown): void => {
    counts[source]++
    warn(() => `${source}: ${messageOf(cause)}`)
  }
  return {
    count,
    guard: (source, step) => {
      try {
        return step()
      } catch (error) {
        count(source, error)
        return undefined
      }
    },
    counts: () => ({ ...counts }),
  }
}
