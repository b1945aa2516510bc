/** Config -> a running sidecar and its close. The only file that knows every stage. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import type { Logger } from 'pino'
import type { Config, Environment } from './config/config.ts'
import { createTally } from './core/aggregate/tally.ts'
import { StoreUnavailable } from './core/ports.ts'
import { createExposition } from './expose/exposition.ts'
import { createMetricsHandler } from './expose/handler.ts'
import { openOtlpOut } from './expose/otlp-out.ts'
import { readSelfMetrics } from './expose/self-metrics.ts'
import { VERSION } from './lib/version.ts'
import { openApiDocument } from './openapi/document.ts'
import { createQuestions } from './questions/questions.ts'
import { createQueryRoutes } from './questions/routes.ts'
import { createAttemptsHandler, type Receive } from './receive/attempts.ts'
import { createInFlight } from './receive/body.ts'
import { createOpenStreams } from './receive/open-streams.ts'
import { sendOtlpProblem } from './receive/otlp/answer.ts'
import { createOtlpHandler } from './receive/otlp/handler.ts'
import type { OtlpMapping } from './receive/otlp/mapping/mapping.ts'
import { storeProblem } from './receive/receiving.ts'
import { type AccessRules, refuse } from './server/access.ts'
import { logCertificateDates } from './server/certificate.ts'
import { createConnectionTurns } from './server/connection-turns.ts'
import { type Listener, openListener } from './server/listener.ts'
import type { LogOutput } from './server/log-output.ts'
import {
  ATTEMPTS,
  isOtlp,
  notFound,
  OTLP_SIGNALS,
  otlpPath,
  pathOf,
  queryOf,
  routeOf,
  scopeOf,
} from './server/paths.ts'
import { type Problem, sendJson, sendJsonText, sendProblem } from './server/problem.ts'
import { createRefusalLog } from './server/refusal-log.ts'
import { checkHead } from './server/request-head.ts'
import { createUnreadAnswers } from './server/unread-answers.ts'
import { openEventLoopLag } from './sidecar/event-loop-lag.ts'
import { watchFill } from './sidecar/fill-watch.ts'
import { createIngestCounts } from './sidecar/ingest-counts.ts'
import { createReadiness, isReady } from './sidecar/readiness.ts'
import { readyFields } from './sidecar/ready-line.ts'
import { createRequestCounts } from './sidecar/request-counts.ts'
import { SELF_METRICS } from './sidecar/self-metrics.ts'
import { readReloadable, readStartup } from './sidecar/startup.ts'
import { openStore } from './store/open.ts'
import { AgentPerformanceTracker } from './tracker.ts'

export type { Config } from './config/config.ts'

/** A sidecar that takes attempts and answers questions. */
export interface Sidecar {
  /** `http://HOST:PORT`. */
  readonly url: string
  readonly tracker: AgentPerformanceTracker
  /** Reads tokens, certificates and the rules for OTLP again; all or nothing: on an error what was in force stays so, and the promise rejects. */
  reload(): Promise<void>
  /** Takes no more attempts, answers what is under way, keeps everything, and lets go. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the store, replays it, and listens: ready when it resolves. Rejects, with nothing left open, where any of that fails. `env` is asked
 * for the standard `OTEL_*` variables only. `logOutput` is where `log` writes: /metrics tells how many lines it dropped.
 */
export async function startSidecar(
  config: Config,
  log: Logger,
  env: Environment = {},
  logOutput: Pick<LogOutput, 'dropped'> = { dropped: 0 },
): Promise<Sidecar> {
  const { tokens, tls, mapping, price } = await readStartup(config)
  const tally = createTally({ maxKeys: config.maxKeys, maxArms: config.maxArms, tiers: config.tiers })
  const openedFromMs = performance.now()
  const store = await openStore(config.store, {
    tally,
    clock: Date.now,
    monotonic: () => performance.now(),
    ids: { limit: config.idWindow, keepMs: config.idWindowAgeMs },
    retention: { maxAgeMs: config.retentionAgeMs, maxBytes: config.retentionBytes },
    maxPendingAttempts: config.maxPendingAttempts,
    log: {
      debug: (message, fields) => log.debug(fields ?? {}, message),
      info: (message, fields) => log.info(fields ?? {}, message),
      warn: (message, fields) => log.warn(fields ?? {}, message),
      error: (message, fields) => log.error(fields ?? {}, message),
    },
  })
  const replayMs = Math.round(performance.now() - openedFromMs)
  const tracker = new AgentPerformanceTracker({ store, log, price })
  const eventLoopLag = openEventLoopLag(() => performance.now())
  const state: { draining: boolean; refusing: boolean; access: AccessRules; mapping: OtlpMapping } = {
    draining: false,
    refusing: false,
    access: { hosts: config.allowHost, origins: config.allowOrigin, tokens },
    mapping,
  }
  const turns = createConnectionTurns()
  const questions = createQuestions({ ...config, turns })
  const unread = createUnreadAnswers()
  const ingest = createIngestCounts()
  const requests = createRequestCounts(createRefusalLog(log, () => performance.now()))
  const readiness = createReadiness(store, () => state.draining)
  let opened: Listener | undefined
  const sources = { version: VERSION, config, tally, tracker, requests, unread, questions, logOutput, eventLoopLag }
  const exposition = createExposition({
    tally,
    version: VERSION,
    clock: Date.now,
    selfMetrics: () =>
      readSelfMetrics(SELF_METRICS, {
        ...sources,
        ready: isReady(readiness.checks()),
        store: store.stats(),
        ingest: ingest.totals,
        listener: opened,
      }),
  })
  const streams = createOpenStreams()
  const receiving = {
    streams,
    keeper: tracker,
    counts: ingest.counts,
    inFlight: createInFlight(config.maxInFlightBytes),
    requestTimeoutMs: config.requestTimeoutMs,
  }
  const receivers = new Map<string, Receive>([
    [ATTEMPTS, createAttemptsHandler({ ...receiving, maxBodyBytes: config.maxBodyBytes })],
    ...OTLP_SIGNALS.map((signal): [string, Receive] => {
      const options = {
        ...receiving,
        signal,
        maxBodyBytes: config.maxOtlpBodyBytes,
        points: config.otlpMetrics ? tracker : undefined,
        // What is in force when a request comes.
        get mapping() {
          return state.mapping
        },
      }
      const handle = createOtlpHandler(options)
      return [otlpPath(signal), (req, res, fail) => void handle(req, res).catch(fail)]
    }),
  ])

  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('case sensitive routing', true)
  app.set('strict routing', true)
  // Express would answer for the routes it knows, and recording is none of them.
  app.options(/./, (req, res) => answerProblem(req, res, notFound(req)))
  app.get('/livez', (_req, res) => sendJson(res, 200, { status: 'ok' }))
  app.get('/readyz', (req, res) => {
    const checks = readiness.checks()
    const ok = isReady(checks)
    const verbose = !ok || queryOf(req).has('verbose')
    sendJson(res, ok ? 200 : 503, { status: ok ? 'ok' : 'not ready', ...(verbose && { checks }) })
  })
  let openApi: string | undefined
  app.get('/openapi.json', (_req, res) => {
    // Made once, and not before it is asked for: it takes milliseconds.
    openApi ??= JSON.stringify(openApiDocument(VERSION))
    sendJsonText(res, 200, openApi)
  })
  app.get('/metrics', createMetricsHandler(exposition, { log, turns }))
  app.use('/api/v1', createQueryRoutes({ tracker, questions, admin: config.admin }))
  app.use((req, res) => answerProblem(req, res, notFound(req)))
  app.use((error: unknown, req: IncomingMessage, res: ServerResponse, _next: express.NextFunction) =>
    fail(error, req, res),
  )

  function fail(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    const problem = problemOf(error)
    if (problem.status === 500) log.error({ err: error, method: req.method, path: pathOf(req) }, 'request failed')
    answerProblem(req, res, problem)
  }

  function handle(req: IncomingMessage, res: ServerResponse): void {
    // Before anything reads the path: it may be turned from absolute-form into origin-form.
    const fault = checkHead(req)
    const path = pathOf(req)
    requests.observe(req, res, routeOf(path))
    // Before express, which would cost more than all the rest of the way of an attempt.
    const receive = req.method === 'POST' ? receivers.get(path) : undefined
    if (receive === undefined) {
      if (!turns.admit(res)) return
      unread.watch(res)
    }
    const refusal = fault ?? refuse(req, scopeOf(req, path), state.access)
    if (refusal !== undefined) answerProblem(req, res, refusal)
    else if (receive === undefined) app(req, res)
    else if (state.refusing) answerProblem(req, res, shuttingDown(config))
    else receive(req, res, error => fail(error, req, res))
  }

  const listener = await openListener(handle, {
    host: config.listen.host,
    port: config.listen.port,
    tls,
    headersTimeoutMs: config.headersTimeoutMs,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    maxConnections: config.maxConnections,
    onUnparsed: problem => requests.countUnparsed(problem.status),
  }).catch(async error => {
    eventLoopLag.close()
    unread.close()
    await store.close()
    throw error
  })
  opened = listener
  const otlpOut = openOtlpOut(env, exposition.producer, VERSION, log)

  async function reload(): Promise<void> {
    const renewed = await readReloadable(config)
    if (renewed.tls !== undefined) listener.renew(renewed.tls)
    state.access = { ...state.access, tokens: renewed.tokens }
    state.mapping = renewed.mapping
    log.info('tokens, certificates and the rules for OTLP were read again')
    logCertificateDates(config.tlsCert, renewed.tls, log)
  }

  async function shut(): Promise<void> {
    state.draining = true
    log.info('draining')
    // Those who route here need a moment to see that it is no longer ready.
    await pause(config.drainDelayMs)
    state.refusing = true
    // A stream may go on for ever, and one whose client has left may take long to say so.
    const endStreams = setTimeout(
      () => streams.end(shuttingDown(config)),
      Math.min(STREAM_DRAIN_MS, config.drainTimeoutMs / 2),
    )
    await listener.drain(config.drainTimeoutMs)
    clearTimeout(endStreams)
    await otlpOut?.close()
    fill.close()
    eventLoopLag.close()
    unread.close()
    await tracker.close()
    log.info('closed')
  }

  let closing: Promise<void> | undefined
  const fill = watchFill({ tally, maxKeys: config.maxKeys, maxArms: config.maxArms, log })
  const ready = await readyFields({ config, tally, replayedRecords: store.stats().replayedRecords, replayMs })
  log.info({ url: listener.url, version: VERSION, ...ready }, 'ready')
  logCertificateDates(config.tlsCert, tls, log)
  return {
    url: listener.url,
    tracker,
    reload,
    close() {
      closing ??= shut()
      return closing
    },
  }
}

/** How long a stream of lines goes on after the sidecar was told to stop. */
const STREAM_DRAIN_MS = 2000

function shuttingDown({ drainTimeoutMs }: Config): Problem {
  return { status: 503, detail: 'the sidecar is shutting down', retryAfterSeconds: Math.ceil(drainTimeoutMs / 1000) }
}

/** A problem in the form that the path's clients understand. */
function answerProblem(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
  if (isOtlp(pathOf(req))) sendOtlpProblem(req, res, problem)
  else sendProblem(res, problem)
}

/** What an answer says of an error: that the store cannot, that express could not read the request, or that we are at fault. */
function problemOf(error: unknown): Problem {
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, detail: 'the request cannot be read' }
  if (error instanceof StoreUnavailable) return storeProblem(error)
  return { status: 500, detail: 'this is a defect of the sidecar: its log says more' }
}
