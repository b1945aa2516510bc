/**
 * Config -> a running sidecar. The only file that wires all stages: `startSidecar` is long because it constructs every part and passes it to
 * those that need it, and does nothing else.
 */
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { type Config, type Environment, grpcAddress } from './config/config.ts'
import { createExposition } from './expose/exposition.ts'
import { type OtlpOut, openOtlpOut } from './expose/otlp-out.ts'
import { readSelfMetrics } from './expose/self-metrics.ts'
import { VERSION } from './lib/version.ts'
import type { Notifier } from './notify/notifier.ts'
import { createPageHandler } from './page/assets.ts'
import { readBuiltFiles, withTraceUrl } from './page/built-files.ts'
import { createStreamHandler } from './page/stream/handler.ts'
import { createStreamHub } from './page/stream/hub.ts'
import { createQuestionsInFlight } from './questions/in-flight.ts'
import { QUESTIONS } from './questions/questions.ts'
import { createOpenStreams } from './receive/open-streams.ts'
import { logCertificateDates } from './server/certificate.ts'
import { createConnectionTurns } from './server/connection-turns.ts'
import { type Listener, openListener } from './server/listener.ts'
import type { LogOutput } from './server/log-output.ts'
import { createPaths } from './server/paths.ts'
import { createRefusalLog } from './server/refusal-log.ts'
import { createUnreadAnswers } from './server/unread-answers.ts'
import { NO_NOTIFICATIONS, openAlerts } from './sidecar/alerts.ts'
import { createApp } from './sidecar/app.ts'
import { openEventLoopLag } from './sidecar/event-loop-lag.ts'
import { type FillWatch, watchFill } from './sidecar/fill-watch.ts'
import { createGrpcCounts } from './sidecar/grpc-counts.ts'
import { createIngestCounts } from './sidecar/ingest-counts.ts'
import { createReadiness, isReady } from './sidecar/readiness.ts'
import { readyFields } from './sidecar/ready-line.ts'
import { createReceivers } from './sidecar/receivers.ts'
import { createRequestCounts } from './sidecar/request-counts.ts'
import { createRequestHandler } from './sidecar/request-handler.ts'
import { SELF_METRICS } from './sidecar/self-metrics.ts'
import { shutDown } from './sidecar/shutdown.ts'
import { readReloadable, readStartup } from './sidecar/startup.ts'
import type { SidecarState } from './sidecar/state.ts'
import { openStorage } from './sidecar/storage.ts'
import { logStoredSpellings } from './sidecar/stored-spellings.ts'
import { AgentPerformanceTracker } from './tracker.ts'

export type { Config } from './config/config.ts'

/** A sidecar that records attempts and answers questions. */
export interface Sidecar {
  /** `http://HOST:PORT`, with the base path. */
  readonly url: string
  /** The URL of OTLP over gRPC, if it is received. */
  readonly grpcUrl: string | undefined
  readonly tracker: AgentPerformanceTracker
  /**
   * Resolves where the process must end and a newer version take its place: another sidecar wrote records to the store that this version cannot
   * read. Until it is closed, it answers questions from memory and refuses attempts.
   */
  readonly outdated: Promise<Error>
  /** Reads tokens, certificates, OTLP rules, model aliases and prices again. If any of them is invalid, it rejects and everything stays in force as it was. */
  reload(): Promise<void>
  /** Stops accepting attempts, completes the requests in progress, makes all attempts durable and closes everything. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the store, replays it, and listens. The sidecar is ready when the promise resolves. Rejects, with nothing left open, if any of that
 * fails. `env` is read for the standard `OTEL_*` variables only. `logOutput` is where `log` writes: /metrics exposes how many lines it dropped.
 */
export async function startSidecar(
  config: Config,
  log: Logger,
  env: Environment = {},
  logOutput: Pick<LogOutput, 'dropped'> = { dropped: 0 },
): Promise<Sidecar> {
  const { tokens, tls, mapping, aliases, price } = await readStartup(config)
  // Before the store opens, so that nothing is left open if the files cannot be read.
  const builtFiles = await readBuiltFiles()
  const outdated = Promise.withResolvers<Error>()
  const { tally, store, replayMs } = await openStorage(config, log, outdated.resolve)
  const access = { hosts: config.allowHost, origins: config.allowOrigin, tokens }
  const state: SidecarState = { phase: 'serving', access, mapping, aliases, price }
  const tracker = new AgentPerformanceTracker({
    store,
    log,
    price: attempt => state.price(attempt),
    modelAliases: () => state.aliases,
    alertSettings: () => config.alerts.settings,
    evaluatedAlerts: () => notifier?.latest,
  })

  const monotonic = (): number => performance.now()
  const eventLoopLag = openEventLoopLag(monotonic)
  const unread = createUnreadAnswers()
  const turns = createConnectionTurns()
  const streams = createOpenStreams()
  const ingest = createIngestCounts()
  const refusals = createRefusalLog(log, monotonic)
  const requests = createRequestCounts(refusals)
  const grpcCounts = createGrpcCounts(log)
  const questions = createQuestionsInFlight({ ...config, turns })
  const readiness = createReadiness(store, () => state.phase !== 'serving')
  const otlpPushes = { success: 0, failure: 0 }
  let listener: Listener | undefined
  let grpc: Listener | undefined
  let notifier: Notifier | undefined
  const { info } = store
  const sources = {
    version: VERSION,
    info,
    tally,
    tracker,
    requests,
    unread,
    questions,
    logOutput,
    eventLoopLag,
    otlpPushes,
    grpc: grpcCounts,
  }
  const exposition = createExposition({
    tally,
    version: VERSION,
    clock: Date.now,
    selfMetrics: () =>
      readSelfMetrics(SELF_METRICS, {
        ...sources,
        ready: isReady(readiness.checks()),
        store: store.metrics(),
        ingest: ingest.totals,
        notifications: notifier?.facts ?? NO_NOTIFICATIONS,
        dropped: (listener?.dropped ?? 0) + (grpc?.dropped ?? 0),
      }),
  })
  const paths = createPaths(QUESTIONS.map(({ path }) => `/api/v1/${path}`))
  const notice = (line: string): void => log.info(line)
  const receivers = createReceivers({ config, tracker, streams, counts: ingest.counts, state, notice })
  const hub = createStreamHub({ events: store.events, clock: Date.now, monotonic })
  const stream = createStreamHandler({
    hub,
    maxStreams: Math.ceil(config.maxConnections / 4),
    isClosing: () => state.phase === 'refusing',
  })
  const { traceUrl } = config
  const page = createPageHandler(
    builtFiles !== undefined && traceUrl !== undefined ? withTraceUrl(builtFiles, traceUrl) : builtFiles,
  )
  const app = createApp({ config, paths, tracker, questions, readiness, exposition, turns, stream, page, log })
  const handler = createRequestHandler({
    config,
    log,
    paths,
    state,
    requests,
    turns,
    unread,
    receivers: receivers.posts,
    app,
  })

  async function closeStages(): Promise<void> {
    eventLoopLag.close()
    unread.close()
    await tracker.close()
  }
  const opened = await openListener(handler, {
    host: config.listen.host,
    port: config.listen.port,
    tls,
    headersTimeoutMs: config.headersTimeoutMs,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    maxConnections: config.maxConnections,
    onUnparsed: problem => requests.countUnparsed(problem.status),
    onHttp2: () => grpcCounts.countMisdirected(),
  }).catch(async error => {
    await closeStages()
    throw error
  })
  listener = opened
  let otlpOut: OtlpOut | undefined
  let fill: FillWatch | undefined
  async function closeRest(): Promise<void> {
    await otlpOut?.close()
    fill?.close()
    await notifier?.close()
    await closeStages()
  }

  async function reload(): Promise<void> {
    const renewed = await readReloadable(config)
    if (renewed.tls !== undefined) {
      opened.renew(renewed.tls)
      grpc?.renew(renewed.tls)
    }
    state.access = { ...state.access, tokens: renewed.tokens }
    state.mapping = renewed.mapping
    state.aliases = renewed.aliases
    state.price = renewed.price
    log.info('tokens, certificates and the rules for OTLP were read again, and so were model aliases and prices')
    logCertificateDates(config.tlsCert, renewed.tls, log)
    await logStoredSpellings(config.modelAliases, { store, aliases: renewed.aliases, log })
  }

  const url = `${opened.url}${config.basePath}`
  try {
    const address = grpcAddress(config)
    if (address !== undefined) {
      // Loaded when needed: it takes memory that most sidecars do not need.
      const { openGrpc } = await import('./sidecar/grpc.ts')
      const options = { address, config, log, tls, state, receivers: receivers.otlp, counts: grpcCounts, refusals }
      grpc = await openGrpc(options)
    }
    otlpOut = await openOtlpOut({
      env,
      producer: exposition.producer,
      version: VERSION,
      instance: `${hostname()}:${new URL(opened.url).port}`,
      log,
      counts: otlpPushes,
      listeners: [opened.url, ...(grpc === undefined ? [] : [grpc.url])],
    })
    fill = watchFill({ tally, log })
    notifier = openAlerts({ config: config.alerts, store, url, log })
    const ready = await readyFields({ config, tally, replayedRecords: store.replayedRecords, replayMs })
    log.info({ url, ...(grpc && { grpc_url: grpc.url }), version: VERSION, ...ready }, 'ready')
    logCertificateDates(config.tlsCert, tls, log)
    await logStoredSpellings(config.modelAliases, { store, aliases, log })
  } catch (error) {
    // Otherwise the caller gets no sidecar to close, and the port and the lock of the store stay held.
    hub.close()
    await Promise.all([opened.drain(0), grpc?.drain(0)])
    await closeRest()
    throw error
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= shutDown({
      config,
      log,
      state,
      streams,
      stream: hub,
      listeners: grpc === undefined ? [opened] : [opened, grpc],
      closeRest,
    }))
  return { url, grpcUrl: grpc?.url, tracker, outdated: outdated.promise, reload, close }
}
