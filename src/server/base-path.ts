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
  req.url = rest.startsWith('/') ? rest : `/${rest}`
  return undefined
}
