/** How the sidecar answers problems: in the format that the clients of a path understand. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { StoreUnavailable } from '../core/ports.ts'
import { sendOtlpProblem } from '../receive/otlp/answer.ts'
import { storeProblem } from '../receive/receiving.ts'
import { isOtlp, pathOf } from '../server/paths.ts'
import { type Problem, sendProblem } from '../server/problem.ts'

/** Sends an OTLP status to OTLP clients, and problem details (RFC 9457) to all others. */
export function answerProblem(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
  if (isOtlp(pathOf(req))) sendOtlpProblem(req, res, problem)
  else sendProblem(res, problem)
}

/** Answers an error that a handler threw. Logs it if it is a defect of the sidecar. */
export function answerError(
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  log: Pick<Logger, 'error'>,
): void {
  const problem = problemOf(error)
  if (problem.status === 500) log.error({ err: error, method: req.method, path: pathOf(req) }, 'request failed')
  answerProblem(req, res, problem)
}

/** The answer to requests that arrive while the sidecar shuts down. */
export function shuttingDown({ drainTimeoutMs }: Pick<Config, 'drainTimeoutMs'>): Problem {
  return { status: 503, detail: 'the sidecar is shutting down', retryAfterSeconds: Math.ceil(drainTimeoutMs / 1000) }
}

/** The answer to an error that a handler threw. */
export function problemOf(error: unknown): Problem {
  // Express sets `status` on errors about requests that it cannot parse.
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, detail: 'the request cannot be read' }
  if (error instanceof StoreUnavailable) return storeProblem(error)
  return { status: 500, detail: 'this is a defect of the sidecar: its log says more' }
}
