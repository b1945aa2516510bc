/** Counts HTTP requests by route, method and status code, for the sidecar's metrics. */
import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import { refusalOf } from '../server/problem.ts'
import type { RefusalLog } from '../server/refusal-log.ts'

interface RequestCount {
  readonly labels: { readonly route: string; readonly method: string; readonly code: string }
  value: number
}

export interface RequestCounts {
  readonly inFlight: number
  /** Counts a request when its response is complete or its connection is closed, and logs it if it was refused. */
  observe(req: IncomingMessage, res: ServerResponse, route: string): void
  /** Counts a response to bytes that could not be parsed as a request. */
  countUnparsed(status: number): void
  /** One sample for each combination that has occurred. */
  samples(): readonly RequestCount[]
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

export function createRequestCounts(refusals: RefusalLog): RequestCounts {
  // Nested maps, so that counting a request builds no string.
  const byRoute = new Map<string, Map<string, Map<number, RequestCount>>>()
  let inFlight = 0

  function count(route: string, given: string, status: number): void {
    const method = KNOWN_METHODS.has(given) ? given : 'other'
    const byMethod = getOrCreate(byRoute, route, newMap<string, Map<number, RequestCount>>)
    const byStatus = getOrCreate(byMethod, method, newMap<number, RequestCount>)
    getOrCreate(byStatus, status, () => ({ labels: { route, method, code: String(status) }, value: 0 })).value++
  }

  return {
    get inFlight() {
      return inFlight
    },
    observe(req, res, route) {
      inFlight++
      res.on('close', () => {
        inFlight--
        const method = req.method ?? ''
        count(route, method, res.statusCode)
        const refusal = refusalOf(res)
        if (refusal !== undefined) refusals.log(method, route, refusal)
      })
    },
    countUnparsed: status => count('other', 'other', status),
    samples: () =>
      [...byRoute.values()].flatMap(byMethod => [...byMethod.values()].flatMap(byStatus => [...byStatus.values()])),
  }
}

const newMap = <K, V>(): Map<K, V> => new Map()

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const created = create()
  map.set(key, created)
  return created
}
