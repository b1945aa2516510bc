/** The routes that express serves: probes, metrics, the OpenAPI document and questions. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express, { type Express } from 'express'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Exposition } from '../expose/exposition.ts'
import { createMetricsHandler } from '../expose/handler.ts'
import { VERSION } from '../lib/version.ts'
import { openApiDocument } from '../openapi/document.ts'
import type { QuestionsInFlight } from '../questions/in-flight.ts'
import { createQuestionRoutes } from '../questions/routes.ts'
import { createPlanHandler } from '../receive/experiment-plan.ts'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { DOCUMENT, type Paths, queryOf, STREAM } from '../server/paths.ts'
import { sendJson, sendJsonText } from '../server/problem.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'
import { answerDocument } from './documentation.ts'
import { answerError, answerProblem } from './problems.ts'
import { isReady, type Readiness } from './readiness.ts'

interface AppOptions {
  readonly config: Pick<Config, 'admin' | 'requestTimeoutMs' | 'maxBodyBytes' | 'maxInFlightBytes'>
  readonly paths: Paths
  readonly tracker: AgentPerformanceTracker
  readonly questions: QuestionsInFlight
  readonly readiness: Readiness
  readonly exposition: Exposition
  readonly turns: ConnectionTurns
  readonly stream: RequestListener
  /** Returns whether it answered. */
  readonly page: (req: IncomingMessage, res: ServerResponse) => boolean
  readonly log: Logger
}

export function createApp(options: AppOptions): Express {
  const { config, paths, tracker, questions, readiness, exposition, turns, stream, page, log } = options
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('case sensitive routing', true)
  app.set('strict routing', true)
  // Express would answer OPTIONS with the methods of its own routes, which do not include the recording of attempts.
  app.options(/./, (req, res) => answerProblem(req, res, paths.notFound(req)))
  app.get('/livez', (_req, res) => sendJson(res, 200, { status: 'ok' }))
  app.get('/readyz', (req, res) => answerReadiness(req, res, readiness))
  app.get('/openapi.json', createOpenApiHandler())
  app.get('/metrics', createMetricsHandler(exposition, { log, turns }))
  app.get(STREAM, stream)
  app.get(DOCUMENT, answerDocument)
  const putPlan = createPlanHandler({ ...config, keeper: tracker })
  app.put('/api/v1/experiments/:name', (req, res) => putPlan(req, res, req.params.name))
  app.use('/api/v1', createQuestionRoutes({ source: tracker, questions, admin: config.admin }))
  app.use((req, res) => {
    if (!page(req, res)) answerProblem(req, res, paths.notFound(req))
  })
  app.use((error: unknown, req: IncomingMessage, res: ServerResponse, _next: express.NextFunction) =>
    answerError(error, req, res, log),
  )
  return app
}

function answerReadiness(req: IncomingMessage, res: ServerResponse, readiness: Readiness): void {
  const checks = readiness.checks()
  const ok = isReady(checks)
  const verbose = !ok || queryOf(req).has('verbose')
  sendJson(res, ok ? 200 : 503, { status: ok ? 'ok' : 'not ready', ...(verbose && { checks }) })
}

function createOpenApiHandler(): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  let text: Promise<string> | undefined
  return async (_req, res) => {
    // Built on the first request: it takes milliseconds, which would delay the start.
    text ??= openApiDocument(VERSION).then(document => JSON.stringify(document))
    sendJsonText(res, 200, await text)
  }
}
