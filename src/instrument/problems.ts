/** Counts problems inside the instrumentation, and says them to the user. Never throws them into the work. */
import { diag } from '@opentelemetry/api'

/** Numbers of problems by their source. */
export interface ProblemCounts {
  /** A label was no valid name, or the function of the labels threw. The name counts as `unknown`. */
  readonly labels: number
  /** `describe` threw or returned no outcome: the attempt counts as failed. Or it returned an invalid field, which is left out. */
  readonly describe: number
  /** `recordAttempt` received an invalid field, which is omitted, or a value that is no attempt. Or `recordOutcome` received no outcome. */
  readonly attempt: number
  /** OpenTelemetry, or the delivery, threw. */
  readonly telemetry: number
}

export type ProblemSource = keyof ProblemCounts

/** A problem that a person should know about. */
export interface Problem {
  readonly source: ProblemSource | 'delivery' | 'adapter'
  /** One line. */
  readonly message: string
}

/** Receives problems: the first of each source, then at most one a minute. Errors that it throws are ignored. */
export type OnProblem = (problem: Problem) => void

export interface Problems {
  /** Never throws. */
  count(source: ProblemSource, cause: unknown): void
  /** The result of `step`. Undefined if it throws, which is counted. */
  guard<T>(source: ProblemSource, step: () => T): T | undefined
  counts(): ProblemCounts
}

const SAY_AGAIN_MS = 60_000

/** Says a problem, unless one of the same source was said less than a minute ago. Never throws. */
export type SayProblem = (source: Problem['source'], message: () => string) => void

/** `onProblem` is looked up for each problem, because it may be set late. By default a problem is a `console.warn`. */
export function createSayProblem(onProblem: () => OnProblem | undefined): SayProblem {
  const saidMs = new Map<string, number>()
  return (source, text) => {
    const nowMs = performance.now()
    if (nowMs - (saidMs.get(source) ?? Number.NEGATIVE_INFINITY) < SAY_AGAIN_MS) return
    saidMs.set(source, nowMs)
    try {
      const say = onProblem() ?? warnOnConsole
      say({ source, message: text() })
    } catch {
      // The callback threw, or the error cannot be printed. The counts still include the problem.
    }
  }
}

function warnOnConsole({ source, message }: Problem): void {
  // biome-ignore lint/suspicious/noConsole: without a callback, attempts that are lost must not be lost in silence
  console.warn(`agent-performance: ${source}: ${message}`)
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
  return error.message || String((error as { readonly code?: unknown }).code ?? error.name)
}

/** Creates problems with all counts at 0. */
export function createProblems(say: SayProblem): Problems {
  const counts = { labels: 0, describe: 0, attempt: 0, telemetry: 0 }
  const count = (source: ProblemSource, cause: unknown): void => {
    counts[source]++
    warn(() => `${source}: ${messageOf(cause)}`)
    say(source, () => messageOf(cause))
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
