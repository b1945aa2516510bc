/** `GET /api/v1/stream` over HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nameProblem } from '../../core/attempt/validation.ts'
import type { KeyFilter } from '../../core/ports.ts'
import { queryOf } from '../../server/paths.ts'
import { COMMON_HEADERS, type ParameterFault, parameterProblem, sendProblem } from '../../server/problem.ts'
import type { StreamHub } from './hub.ts'

export interface StreamHandlerOptions {
  readonly hub: StreamHub
  /** The maximum number of open streams, so that they leave connections for recording. */
  readonly maxStreams: number
  /** True once the sidecar drains. */
  readonly isClosing: () => boolean
}

const NAMES = ['agent_name', 'model_name', 'issue_type'] as const

/** Proxies must neither compress nor buffer the events. */
const HEADERS: readonly string[] = [
  ...['Content-Type', 'text/event-stream; charset=utf-8'],
  ...['X-Accel-Buffering', 'no'],
  ...COMMON_HEADERS.map(value => (value === 'no-store' ? 'no-store, no-transform' : value)),
]

export function createStreamHandler(
  options: StreamHandlerOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { hub, maxStreams, isClosing } = options
  return (req, res) => {
    const filter = readFilter(queryOf(req))
    if (Array.isArray(filter)) return sendProblem(res, parameterProblem(filter))
    if (isClosing())
      return sendProblem(res, { status: 503, detail: 'the sidecar is shutting down', retryAfterSeconds: 1 })
    if (hub.clients >= maxStreams) {
      const detail = `${maxStreams} streams are open, a quarter of --max-connections: close some, or raise it`
      return sendProblem(res, { status: 503, detail, retryAfterSeconds: 5 })
    }
    res.writeHead(200, HEADERS as string[])
    if (req.method === 'HEAD') res.end()
    else hub.add(res, filter, lastIdOf(req))
  }
}

function lastIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** The filter, or what is wrong with the parameters. */
function readFilter(query: URLSearchParams): KeyFilter | ParameterFault[] {
  const filter: { -readonly [Name in keyof KeyFilter]: string } = {}
  const faults: ParameterFault[] = []
  for (const [given, value] of query) {
    const name = NAMES.find(known => known === given)
    const detail =
      name === undefined
        ? `is not a parameter of the stream: it has ${NAMES.join(', ')}`
        : filter[name] === undefined
          ? nameProblem(value)
          : 'is given twice'
    if (detail !== undefined) faults.push({ name: given.slice(0, 100), detail })
    else if (name !== undefined) filter[name] = value
  }
  return faults.length > 0 ? faults : filter
}
