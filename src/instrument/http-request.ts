/** One HTTP request, with limits on its time and on the size of its answer. Redirects are not followed. */
import { requestByFetch } from './fetch-request.ts'
import type { HttpAnswer, HttpRequest } from './http-exchange.ts'
import { requestByNode } from './node-request.ts'
import { nodeModule } from './runtime.ts'

/**
 * Resolves with a complete answer of any status. Rejects without one: no connection, time-out, aborted, truncated, or too long. Uses
 * `node:http` where it exists, because connections of `fetch` keep the process alive.
 */
export function requestOnce(request: HttpRequest): Promise<HttpAnswer> {
  const http = request.url.protocol === 'https:' ? nodeModule('node:https') : nodeModule('node:http')
  return http === undefined ? requestByFetch(request) : requestByNode(http.request, request)
}

/** The parsed value. Undefined if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
