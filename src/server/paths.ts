/** The paths that are answered, and what is true of each before its stage sees the request. */
import type { IncomingMessage } from 'node:http'
import type { Scope } from './access.ts'
import type { Problem } from './problem.ts'

/** Where attempts are recorded and listed. */
export const ATTEMPTS = '/api/v1/attempts'
/** Where results of attempts are recorded that became known later. */
export const OUTCOMES = '/api/v1/outcomes'
/** The server-sent events. */
export const STREAM = '/api/v1/stream'
/** The views of the live page. They are one document, so that they work below any path prefix: none has a second segment. */
export const PAGE_VIEWS = [
  '/',
  '/now',
  '/best',
  '/agent',
  '/models',
  '/experiments',
  '/costs',
  '/alerts',
  '/attempts',
] as const
/** Where the files of the live page are. */
const PAGE_ASSETS = '/assets/'
/** A page of the documentation. The group is its file, below the folder of the package. */
export const DOCUMENT: RegExp = /^\/(docs\/(?:runbooks\/)?[A-Za-z0-9-]+\.md)$/
export const OTLP_SIGNALS = ['logs', 'traces', 'metrics'] as const

/** Where a signal is taken in. */
export const otlpPath = (signal: (typeof OTLP_SIGNALS)[number]): string => `/v1/${signal}`

/** Whether errors must have the format of OTLP. */
export const isOtlp = (path: string): boolean => path.startsWith('/v1/')

/** Whether a path is a view of the live page. */
export const isPageView = (path: string): boolean => (PAGE_VIEWS as readonly string[]).includes(path)

/** The path of a request, without its query string. */
export function pathOf(req: IncomingMessage): string {
  const url = req.url ?? '/'
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** The parameters of a request, in their order. */
export function queryOf(req: IncomingMessage): URLSearchParams {
  const url = req.url ?? '/'
  const query = url.indexOf('?')
  return new URLSearchParams(query < 0 ? '' : url.slice(query + 1))
}

/** What a token must allow; undefined for what is open to all. */
export function scopeOf(req: IncomingMessage, path: string): Scope | undefined {
  if (path === '/livez' || path === '/readyz') return undefined
  // The page is open to all, because it is where a person enters a token. Neither it nor the documentation contains data.
  if (isRead(req) && (isPageView(path) || path.startsWith(PAGE_ASSETS) || DOCUMENT.test(path))) return undefined
  if (req.method === 'DELETE' || req.method === 'PUT') return 'admin'
  return req.method === 'POST' ? 'ingest' : 'read'
}

const isRead = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD'

const READ = ['GET', 'HEAD']

const POSTED_TO_ROOT = `nothing is recorded here: send OTLP to ${OTLP_SIGNALS.map(otlpPath).join(', ')}, attempts to ${ATTEMPTS}`

/** Methods of the paths that ask no question, and of those that do more. */
const METHODS: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ...PAGE_VIEWS.map(path => [path, READ] as const),
  ['/livez', READ],
  ['/readyz', READ],
  ['/openapi.json', READ],
  ['/metrics', READ],
  [STREAM, READ],
  [ATTEMPTS, ['POST']],
  [OUTCOMES, ['POST']],
  ['/api/v1/metrics', ['DELETE']],
  ['/api/v1/experiments/{name}', ['PUT']],
  ...OTLP_SIGNALS.map(signal => [otlpPath(signal), ['POST']] as const),
]

/** All paths together. */
export interface Paths {
  /** The path, or the template that it matches, `other` if there is none: a label of bounded cardinality. */
  routeOf(path: string): string
  /** The 404 or 405 of a request that no stage answers. */
  notFound(req: IncomingMessage): Problem
}

/** The paths of the sidecar, with those of questions. `{name}` in a path of a question stands for one segment. */
export function createPaths(questions: readonly string[]): Paths {
  const methods = new Map<string, readonly string[]>(questions.map(path => [path, READ]))
  for (const [path, more] of METHODS) methods.set(path, [...(methods.get(path) ?? []), ...more])
  const templates = questions.filter(path => path.includes('{')).map(path => ({ path, pattern: patternOf(path) }))

  function routeOf(path: string): string {
    if (methods.has(path)) return path
    if (path.startsWith(PAGE_ASSETS)) return `${PAGE_ASSETS}{file}`
    if (DOCUMENT.test(path)) return '/docs/{page}'
    return templates.find(({ pattern }) => pattern.test(path))?.path ?? 'other'
  }

  return {
    routeOf,
    notFound(req) {
      const allowed = methods.get(routeOf(pathOf(req)))?.join(', ')
      const isPostToRoot = req.method === 'POST' && pathOf(req) === '/'
      if (allowed === undefined)
        return { status: 404, detail: isPostToRoot ? POSTED_TO_ROOT : 'there is nothing here: see /openapi.json' }
      const detail = isPostToRoot ? POSTED_TO_ROOT : `only ${allowed} is answered here`
      return { status: 405, detail, headers: { Allow: allowed } }
    },
  }
}

/** Only the segments of a template vary: the rest of a path of ours holds no special character of patterns. */
const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
