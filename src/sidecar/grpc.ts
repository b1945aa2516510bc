/** OTLP/gRPC: its listener, and what it shares with the HTTP listener. Loaded only if it is requested. */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { ListenAddress } from '../config/kind.ts'
import { createGrpcHandler } from '../receive/otlp/grpc/handler.ts'
import type { OtlpOptions } from '../receive/otlp/handler.ts'
import type { Signal } from '../receive/otlp/protobuf/decode.ts'
import { refuse } from '../server/access.ts'
import type { Certificate } from '../server/certificate.ts'
import { openHttp2Listener } from '../server/http2-listener.ts'
import type { Listener } from '../server/listener.ts'
import type { RefusalLog } from '../server/refusal-log.ts'
import type { GrpcCounts } from './grpc-counts.ts'
import { problemOf, shuttingDown } from './problems.ts'
import type { SidecarState } from './state.ts'

interface GrpcOptions {
  readonly address: ListenAddress
  readonly config: Config
  readonly log: Logger
  readonly tls: Certificate | undefined
  readonly state: SidecarState
  readonly receivers: ReadonlyMap<Signal, OtlpOptions>
  readonly counts: GrpcCounts
  readonly refusals: RefusalLog
}

/** Rejects with the system error if it cannot listen. */
export function openGrpc(options: GrpcOptions): Promise<Listener> {
  const { address, config, log, tls, state, receivers, counts, refusals } = options
  const handle = createGrpcHandler(receivers, {
    refuse(headers) {
      const { ':authority': host, origin, authorization } = headers
      // gRPC states the host in :authority; the rules read Host.
      const refusal = refuse({ headers: { host, origin, authorization } }, 'ingest', state.access)
      return refusal ?? (state.phase === 'refusing' ? shuttingDown(config) : undefined)
    },
    answered(method, code, problem) {
      counts.count(method, code)
      if (problem !== undefined) refusals.log('POST', `grpc ${method}`, problem)
    },
    problemOf(error) {
      const problem = problemOf(error)
      if (problem.status === 500) log.error({ err: error }, 'a gRPC call failed')
      return problem
    },
  })
  return openHttp2Listener((stream, headers) => void handle(stream, headers), {
    ...address,
    tls,
    headersTimeoutMs: config.headersTimeoutMs,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    maxConnections: config.maxConnections,
  })
}
