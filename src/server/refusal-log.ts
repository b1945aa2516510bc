/** Requests that record and were refused, in the log: a sample of them, with the place of the first fault. */
import type { Logger } from 'pino'
import type { Problem } from './problem.ts'

/** At most one line per route and status in this time. */
const SAMPLE_MS = 10_000
/** Characters of a text that a client may have chosen. */
const MAX_TEXT = 300
/** The sender is to try again, and the attempts are not lost. */
const RETRYABLE: readonly number[] = [429, 503]
/** Logged with its stack where it is answered. */
const DEFECT = 500

export interface RefusalLog {
  /** Logs a refusal, or counts it for the next line about the same route and status. Everything but POST is left out. */
  log(method: string, route: string, problem: Problem): void
}

/** `now` is in milliseconds of any clock that does not go back. */
export function createRefusalLog(log: Pick<Logger, 'info' | 'warn'>, now: () => number): RefusalLog {
  // Bounded: routes and statuses are of closed sets.
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
