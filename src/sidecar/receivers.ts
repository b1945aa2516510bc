/** The handlers that record attempts, by path. */
import type { Config } from '../config/config.ts'
import type { SeriesPoint } from '../core/aggregate/series.ts'
import { createAttemptsHandler, type Receive } from '../receive/attempts.ts'
import { createInFlight } from '../receive/body.ts'
import type { OpenStreams } from '../receive/open-streams.ts'
import { createOtlpHandler, type OtlpCounts, type OtlpOptions } from '../receive/otlp/handler.ts'
import { countedMetrics } from '../receive/otlp/metrics/instruments.ts'
import { createWriters } from '../receive/otlp/metrics/writers.ts'
import type { Signal } from '../receive/otlp/protobuf/decode.ts'
import { createTraceMemory } from '../receive/otlp/traces/trace-memory.ts'
import type { OutcomeCounts } from '../receive/outcome-keeper.ts'
import { createOutcomesHandler } from '../receive/outcomes.ts'
import { ATTEMPTS, OTLP_SIGNALS, OUTCOMES, otlpPath } from '../server/paths.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'
import type { SidecarState } from './state.ts'

interface ReceiverOptions {
  readonly config: Config
  readonly tracker: AgentPerformanceTracker
  readonly streams: OpenStreams
  readonly counts: OtlpCounts & OutcomeCounts
  readonly state: Pick<SidecarState, 'mapping'>
  /** Writes a line to the log. */
  readonly notice: (line: string) => void
}

/** What records attempts. All parts share one limit of bytes in flight. */
export interface Receivers {
  /** `POST` handlers for `/api/v1/attempts` and the OTLP signals, by path. */
  readonly posts: ReadonlyMap<string, Receive>
  /** The options of the OTLP signals, for another transport. */
  readonly otlp: ReadonlyMap<Signal, OtlpOptions>
}

export function createReceivers(options: ReceiverOptions): Receivers {
  const { config, tracker, streams, counts, state, notice } = options
  const shared = {
    streams,
    keeper: tracker,
    counts,
    inFlight: createInFlight(config.maxInFlightBytes),
    requestTimeoutMs: config.requestTimeoutMs,
  }
  const json = { ...shared, maxBodyBytes: config.maxBodyBytes }
  const posts = new Map([
    [ATTEMPTS, createAttemptsHandler(json)],
    [OUTCOMES, createOutcomesHandler(json)],
  ])
  const otlp = new Map<Signal, OtlpOptions>()
  const traces = createTraceMemory()
  const counted = countedMetrics(config.otlpMetrics, config.otlpInvokeAgentMetric)
  const points = counted && {
    counted,
    writers: createWriters(),
    keepPoints: (given: readonly SeriesPoint[]) => tracker.keepPoints(given),
  }
  for (const signal of OTLP_SIGNALS) {
    const otlpOptions: OtlpOptions = {
      ...shared,
      signal,
      maxBodyBytes: config.maxOtlpBodyBytes,
      points,
      traces,
      notice,
      // Read per request: a reload replaces it.
      get mapping() {
        return state.mapping
      },
    }
    const handle = createOtlpHandler(otlpOptions)
    otlp.set(signal, otlpOptions)
    posts.set(otlpPath(signal), (req, res, fail) => void handle(req, res).catch(fail))
  }
  return { posts, otlp }
}
