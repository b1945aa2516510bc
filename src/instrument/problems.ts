/** What goes wrong inside the instrumentation: counted and said to OpenTelemetry's `diag`, never thrown at the work. */
import { diag } from '@opentelemetry/api'

/** How often something could not be used, by where it came from. */
export interface ProblemCounts {
  /** A label was no name, or the function that gives the labels threw: the name counts as `unknown`. */
  readonly labels: number
  /** `describe` threw, or said something that no attempt may hold: the attempt counts without it. */
  readonly describe: number
  /** `recordAttempt` was given a field that no attempt may hold, which is left out, or no attempt at all. */
  readonly attempt: number
  /** OpenTelemetry, or the delivery, threw. */
  readonly telemetry: number
}

export type ProblemSource = keyof ProblemCounts

export interface Problems {
  /** Never throws. */
  count(source: ProblemSource, cause: unknown): void
  /** What `step` returns, or undefined where it throws, which is counted. */
  guard<T>(source: ProblemSource, step: () => T): T | undefined
  counts(): ProblemCounts
}

/** Says something to OpenTelemetry's `diag`, which is silent unless it is given a logger. Never throws. */
export function warn(text: () => string): void {
  try {
    diag.warn(`agent-performance: ${text()}`)
  } catch {
    // A logger that throws, or an error that cannot be printed: what is counted has to say it all.
  }
}

/** An error in one line. Some of Node's have no message, such as that of a host whose every address refuses. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
}

/** Counts from 0. */
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
