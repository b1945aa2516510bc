/** The graceful shutdown: every request in progress gets its answer, and every accepted attempt is durable. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { StreamHub } from '../page/stream/hub.ts'
import type { OpenStreams } from '../receive/open-streams.ts'
import type { Listener } from '../server/listener.ts'
import { shuttingDown } from './problems.ts'
import type { SidecarState } from './state.ts'

/** How long a stream of lines may continue after the shutdown began. */
const STREAM_DRAIN_MS = 2000

interface ShutdownOptions {
  readonly config: Pick<Config, 'drainDelayMs' | 'drainTimeoutMs'>
  readonly log: Pick<Logger, 'info'>
  readonly state: Pick<SidecarState, 'phase'>
  readonly streams: OpenStreams
  readonly listeners: readonly Pick<Listener, 'drain'>[]
  readonly stream: Pick<StreamHub, 'close'>
  /** Closes everything else, once no request is in progress. */
  readonly closeRest: () => Promise<void>
}

export async function shutDown(options: ShutdownOptions): Promise<void> {
  const { config, log, state, streams, listeners, stream, closeRest } = options
  state.phase = 'draining'
  log.info('draining')
  // Load balancers take a moment to see on /readyz that the sidecar is no longer ready.
  await pause(config.drainDelayMs)
  state.phase = 'refusing'
  // Streams of events never end by themselves.
  stream.close()
  // A stream may be endless, or its client may be gone without the connection being closed.
  const endStreams = setTimeout(
    () => streams.end(shuttingDown(config)),
    Math.min(STREAM_DRAIN_MS, config.drainTimeoutMs / 2),
  )
  await Promise.all(listeners.map(listener => listener.drain(config.drainTimeoutMs)))
  clearTimeout(endStreams)
  await closeRest()
  log.info('closed')
}
