/** What happens to every request, in this order: head check, limits, access, and then the handler of its path. */
import type { RequestListener } from 'node:http'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Receive } from '../receive/attempts.ts'
import { refuse } from '../server/access.ts'
import { removeBasePath } from '../server/base-path.ts'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { type Paths, pathOf, STREAM, scopeOf } from '../server/paths.ts'
import { checkHead } from '../server/request-head.ts'
import type { UnreadAnswers } from '../server/unread-answers.ts'
import { answerError, answerProblem, shuttingDown } from './problems.ts'
import type { RequestCounts } from './request-counts.ts'
import type { SidecarState } from './state.ts'

interface RequestHandlerOptions {
  readonly config: Pick<Config, 'drainTimeoutMs' | 'basePath'>
  readonly log: Logger
  readonly paths: Paths
  readonly state: SidecarState
  readonly requests: RequestCounts
  readonly turns: ConnectionTurns
  readonly unread: UnreadAnswers
  /** Handlers of `POST` requests that record attempts, by path. */
  readonly receivers: ReadonlyMap<string, Receive>
  /** Handles all other requests. */
  readonly app: RequestListener
}

export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { config, log, paths, state, requests, turns, unread, receivers, app } = options
  return (req, res) => {
    // First of all, because it rewrites an absolute-form target to origin-form.
    const fault = checkHead(req) ?? removeBasePath(req, config.basePath)
    const path = pathOf(req)
    requests.observe(req, res, paths.routeOf(path))
    // Receivers bypass express, which would take longer than recording an attempt.
    const receive = req.method === 'POST' ? receivers.get(path) : undefined
    if (receive === undefined) {
      if (!turns.admit(res)) return
      // The stream has limits of its own: a client may be slow with it.
      if (path !== STREAM) unread.watch(res)
    }
    const refusal = fault ?? refuse(req, scopeOf(req, path), state.access)
    if (refusal !== undefined) answerProblem(req, res, refusal)
    else if (receive === undefined) app(req, res)
    else if (state.phase === 'refusing') answerProblem(req, res, shuttingDown(config))
    else receive(req, res, error => answerError(error, req, res, log))
  }
}
