/** The URL and the credentials of a sidecar. */
import { environmentVariable } from './runtime.ts'

/** Undefined values are omitted. */
export type Query = Readonly<Record<string, string | number | undefined>>

export interface SidecarAddress {
  /** The URL of one of its paths, such as `api/v1/attempts`. */
  at(path: string, query?: Query): URL
  readonly headers: Readonly<Record<string, string>>
}

/** The URL that the environment names, else that of a sidecar on this machine. */
export function urlOfEnvironment(): string {
  return environmentVariable('AGENT_PERFORMANCE_URL') ?? 'http://127.0.0.1:9464'
}

/**
 * The sidecar at an http(s) URL, with the token of the environment if none is given. The URL may contain the path prefix of a proxy. Throws a
 * `TypeError` if it is invalid.
 */
export function sidecarAddress(
  url: string | URL,
  token: string | undefined = environmentVariable('AGENT_PERFORMANCE_TOKEN'),
): SidecarAddress {
  if (!URL.canParse(String(url)))
    throw new TypeError(`Expected the URL of a sidecar such as http://127.0.0.1:9464, got ${String(url)}`)
  const base = new URL(url)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new TypeError(`Expected an http or https URL of a sidecar, got ${base.protocol}`)
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError('Expected a token of printable ASCII characters without spaces')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return {
    at: (path, query = {}) => {
      const target = new URL(path, base)
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) target.searchParams.set(name, String(value))
      }
      return target
    },
    headers: { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  }
}
