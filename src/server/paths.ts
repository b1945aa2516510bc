/** The paths that are answered, and what is true of each before its stage sees the request. */
import type { IncomingMessage } from 'node:http'
import type { Scope } from './access.ts'
import type { Problem } from './problem.ts'

/** Where attempts are recorded and listed. */
export const ATTEMPTS = '/api/v1/attempts'
export const OTLP_SIGNALS = ['logs', 'traces', 'metrics'] as const

/** Where a signal is taken in. */
export const otlpPath = (signal: (typeof OTLP_SIGNALS)[number]): string => `/v1/${signal}`

/** Whether errors must be told as OTLP demands. */
export const isOtlp = (path: string): boolean => path.startsWith('/v1/')

/** What each path answers to. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['/livez', 'GET, HEAD'],
  ['/readyz', 'GET, HEAD'],
  ['/openapi.json', 'GET, HEAD'],
  ['/metrics', 'GET, HEAD'],
  [ATTEMPTS, 'GET, HEAD, POST'],
  ...OTLP_SIGNALS.map(signal => [otlpPath(signal), 'POST'] as const),
  ['/api/v1/metrics', 'GET, HEAD, DELETE'],
  ['/api/v1/success-rate', 'GET, HEAD'],
  ['/api/v1/best-agent', 'GET, HEAD'],
  ['/api/v1/model-comparison', 'GET, HEAD'],
  ['/api/v1/report', 'GET, HEAD'],
  ['/api/v1/fair-comparison', 'GET, HEAD'],
  ['/api/v1/trends', 'GET, HEAD'],
  ['/api/v1/calibration', 'GET, HEAD'],
  ['/api/v1/costs', 'GET, HEAD'],
  ['/api/v1/experiments/{name}', 'GET, HEAD'],
  ['/api/v1/route', 'GET, HEAD'],
])

/** The path of a request, without its question. */
export function pathOf(req: IncomingMessage): string {
  const url = req.url ?? '/'
  const question = url.indexOf('?')
  return question < 0 ? url : url.slice(0, question)
}

/** The parameters of a request, in their order. */
export function queryOf(req: IncomingMessage): URLSearchParams {
  const url = req.url ?? '/'
  const question = url.indexOf('?')
  return new URLSearchParams(question < 0 ? '' : url.slice(question + 1))
}

/** A label of bounded cardinality: what is asked for, where it is one of ours. */
export function routeOf(path: string): string {
  if (METHODS.has(path)) return path
  return /^\/api\/v1\/experiments\/[^/]+$/.test(path) ? '/api/v1/experiments/{name}' : 'other'
}

/** What a token must allow; undefined for what is open to all. */
export function scopeOf(req: IncomingMessage, path: string): Scope | undefined {
  if (path === '/livez' || path === '/readyz') return undefined
  if (req.method === 'DELETE') return 'admin'
  return req.method === 'POST' ? 'ingest' : 'read'
}

/** What is said where nobody answers. */
export function notFound(req: IncomingMessage): Problem {
  const allowed = METHODS.get(routeOf(pathOf(req)))
  if (allowed === undefined) return { status: 404, detail: 'there is nothing here: see /openapi.json' }
  return { status: 405, detail: `only ${allowed} is answered here`, headers: { Allow: allowed } }
}
