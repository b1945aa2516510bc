/** Logs a sample of the refused recording requests, with the position of the first error. */
import type { Logger } from 'pino'
import type { Problem } from './problem.ts'

/** At most one line per route and status in this interval. */
const SAMPLE_MS = 10_000
/** Maximum characters of a text that may come from a client. */
const MAX_TEXT = 300
/** The client retries, so that no attempt is lost. */
const RETRYABLE: readonly number[] = [429, 503]
/** A defect is logged with its stack trace elsewhere. */
const DEFECT = 500

export interface RefusalLog {
  /** Logs a refused POST request, or counts it for the next line of the same route and status. Ignores other methods. */
  log(method: string, route: string, problem: Problem): void
}

/** `now` is a monotonic clock in milliseconds. */
export function createRefusalLog(log: Pick<Logger, 'info' | 'warn'>, now: () => number): RefusalLog {
  // Bounded: routes and statuses are closed sets.
  const samples = new Map<string, { sinceMs: number; suppressed: number }>()
  return {
    log(method, route, problem) {
      if (method !== 'POST' || problem.status === DEFECT) return
      const name = `${problem.status} ${route}`
      const last = samples.get(name)
      if (last !== undefined && now() - last.sinceMs < SAMPLE_MS) {
        last.suppressed++
        return
      }
      samples.set(name, { sinceMs: now(), suppressed: 0 })
      const fields = { method, route, ...fieldsOf(problem), suppressed: last?.suppressed ?? 0 }
      if (RETRYABLE.includes(problem.status)) log.info(fields, 'a request was refused for now')
      else if (problem.status === 200) log.warn(fields, 'part of a request was rejected')
      else log.warn(fields, 'a request was refused')
    },
  }
}

function fieldsOf({ status, detail, logged, errors }: Problem): Readonly<Record<string, unknown>> {
  const first = errors?.[0]
  return {
    status,
    detail: shorten(logged ?? detail),
    ...(first && { index: first.index, pointer: shorten(first.pointer), fault: shorten(first.detail) }),
  }
}

const shorten = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text)
