/** The path below which a sidecar behind a reverse proxy answers (`--base-path`). */
import type { IncomingMessage } from 'node:http'
import type { Problem } from './problem.ts'

/**
 * Removes the base path from the target of a request, so that later code sees the path of the API. Returns the 404 of a request outside of it.
 * An empty base path changes nothing.
 */
export function removeBasePath(req: IncomingMessage, basePath: string): Problem | undefined {
  if (basePath === '') return undefined
  const url = req.url ?? '/'
  const rest = url.startsWith(basePath) ? url.slice(basePath.length) : undefined
  if (rest === undefined || !/^(?:[/?]|$)/.test(rest))
    return { status: 404, detail: `everything here is below ${basePath}/ (--base-path)` }
  // Relative URLs of the live page need the final slash. The location is relative, because a proxy may add a prefix of its own.
  if (rest === '' && (req.method === 'GET' || req.method === 'HEAD')) {
    const location = `${basePath.slice(basePath.lastIndexOf('/') + 1)}/`
    return { status: 308, detail: `see ${basePath}/`, headers: { Location: location } }
  }
  req.url = rest.startsWith('/') ? rest : `/${rest}`
  return undefined
}
