/** Access control: Host and Origin checks against DNS rebinding and cross-site requests, and bearer tokens with scopes. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ConfigError } from '../config/config.ts'
import { readTextFileAsync } from '../lib/text-file.ts'
import { parseHost } from './host.ts'
import type { Problem } from './problem.ts'

export const SCOPES = ['ingest', 'read', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** SHA-256 digests of tokens, each with its scopes. */
export type Tokens = readonly { readonly digest: Buffer; readonly scopes: ReadonlySet<Scope> }[]

/**
 * Reads tokens, one per line. `TOKEN` alone has all scopes, `TOKEN ingest,read` only those listed. Blank lines and lines that start with `#`
 * are ignored. Rejects with a {@link ConfigError} that names the file and the line, never the token.
 */
export async function readTokens(path: string): Promise<Tokens> {
  const text = await readTextFileAsync(path).catch((error: Error) => {
    throw new ConfigError([`cannot read the token file ${path}: ${error.message}`], 78)
  })
  const tokens = text.split('\n').flatMap((line, index) => {
    const [token, names, ...rest] = line.trim().split(/\s+/)
    if (token === undefined || token === '' || token.startsWith('#')) return []
    // An Authorization header cannot contain other characters.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new ConfigError(
        [`${path}:${index + 1}: a token must consist of printable ASCII characters without spaces`],
        78,
      )
    }
    const scopes = names === undefined ? SCOPES : names.split(',')
    const unknown = scopes.find(scope => !SCOPES.includes(scope as Scope))
    if (unknown !== undefined || rest.length > 0) {
      throw new ConfigError(
        [`${path}:${index + 1}: only a comma-separated list of ${SCOPES.join(', ')} may follow the token`],
        78,
      )
    }
    return [{ digest: digestOf(token), scopes: new Set(scopes as Scope[]) }]
  })
  if (tokens.length === 0) throw new ConfigError([`${path} contains no token`], 78)
  return tokens
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** The rules in force. A reload replaces the tokens. */
export interface AccessRules {
  /** Host names that are allowed in addition to localhost; `*` allows any. */
  readonly hosts: readonly string[]
  /** Origins that are allowed in addition to the sidecar's own; `*` allows any. */
  readonly origins: readonly string[]
  /** If undefined, no token is required. */
  readonly tokens: Tokens | undefined
}

/**
 * Returns why a request is refused, or undefined. checkHead has ensured that it has at most one Host, and none only in HTTP/1.0. `scope` is
 * the scope that it requires. If undefined, it needs no token and any Host is allowed.
 */
export function refuse(
  req: Pick<IncomingMessage, 'headers'>,
  scope: Scope | undefined,
  rules: AccessRules,
): Problem | undefined {
  const { host } = req.headers
  // Public paths are queried by supervisors, which use their own names for a sidecar.
  const problem = host === undefined || scope === undefined ? undefined : refuseHost(host, rules.hosts)
  if (problem !== undefined) return problem
  const { origin } = req.headers
  if (origin !== undefined && !isOwn(origin, host ?? '') && !isListed(origin, rules.origins)) {
    return { status: 403, detail: 'this Origin is not allowed: allow it with --allow-origin' }
  }
  return scope === undefined || rules.tokens === undefined ? undefined : refuseToken(req, scope, rules.tokens)
}

/** Addresses and localhost are allowed: DNS rebinding needs a name that the attacker controls. */
function refuseHost(host: string, listed: readonly string[]): Problem | undefined {
  const parsed = parseHost(host)
  if (parsed.kind === 'address') return undefined
  if (parsed.kind === 'invalid') {
    const rule = 'is neither a name nor an address'
    // An invalid Host may contain a password, as URLs do, and is not logged. A name is, so that the operator can allow it.
    return { status: 400, detail: `the Host ${quote(host)} ${rule}`, logged: `the Host ${rule}` }
  }
  if (parsed.name === 'localhost' || isListed(parsed.name, listed)) return undefined
  const name = parsed.name.slice(0, MAX_SHOWN)
  return { status: 421, detail: `the Host ${quote(host)} is not allowed: allow it with --allow-host ${name}` }
}

/** Maximum characters of a header that a response repeats. */
const MAX_SHOWN = 100

const quote = (value: string): string => `"${value.slice(0, MAX_SHOWN).replaceAll(/[^\x20-\x7e]/g, '?')}"`

function refuseToken(req: Pick<IncomingMessage, 'headers'>, scope: Scope, tokens: Tokens): Problem | undefined {
  const given = /^Bearer ([^\s]+)$/i.exec(req.headers.authorization ?? '')?.[1]
  const headers = { 'WWW-Authenticate': 'Bearer realm="agent-performance"' }
  if (given === undefined) return { status: 401, detail: 'a bearer token is required', headers }
  const digest = digestOf(given)
  // Compares every token in constant time, so that the duration reveals nothing about the tokens.
  const known = tokens.filter(token => timingSafeEqual(token.digest, digest))
  if (known.length === 0) return { status: 401, detail: 'this bearer token is unknown', headers }
  if (known.some(token => token.scopes.has(scope))) return undefined
  return { status: 403, detail: `this bearer token does not have the scope "${scope}"` }
}

function isListed(name: string, list: readonly string[]): boolean {
  return list.some(listed => listed === '*' || listed.toLowerCase() === name.toLowerCase())
}

function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}
