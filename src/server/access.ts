/** Who may ask: Host and Origin against DNS rebinding and foreign pages, bearer tokens with scopes against everybody else. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ConfigError } from '../config/config.ts'
import { readTextFileAsync } from '../lib/text-file.ts'
import { parseHost } from './host.ts'
import type { Problem } from './problem.ts'

export const SCOPES = ['ingest', 'read', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Tokens by their SHA-256, each with what it may do. */
export type Tokens = readonly { readonly digest: Buffer; readonly scopes: ReadonlySet<Scope> }[]

/**
 * Reads tokens, one a line: `TOKEN` alone may do everything, `TOKEN ingest,read` only what is named. Blank lines and lines that begin with
 * `#` are left out. Rejects with a {@link ConfigError} that names the file and the line, never the token.
 */
export async function readTokens(path: string): Promise<Tokens> {
  const text = await readTextFileAsync(path).catch((error: Error) => {
    throw new ConfigError([`cannot read the token file ${path}: ${error.message}`], 78)
  })
  const tokens = text.split('\n').flatMap((line, index) => {
    const [token, names, ...rest] = line.trim().split(/\s+/)
    if (token === undefined || token === '' || token.startsWith('#')) return []
    // No request can carry anything else in its Authorization header.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new ConfigError([`${path}:${index + 1}: a token must be of printable ASCII characters without spaces`], 78)
    }
    const scopes = names === undefined ? SCOPES : names.split(',')
    const unknown = scopes.find(scope => !SCOPES.includes(scope as Scope))
    if (unknown !== undefined || rest.length > 0) {
      throw new ConfigError([`${path}:${index + 1}: after the token only a list of ${SCOPES.join(', ')} may stand`], 78)
    }
    return [{ digest: digestOf(token), scopes: new Set(scopes as Scope[]) }]
  })
  if (tokens.length === 0) throw new ConfigError([`${path}: holds no token`], 78)
  return tokens
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

export interface AccessRules {
  /** Names that a request's Host may be beside localhost; `*` for any. */
  readonly hosts: readonly string[]
  /** Origins a browser's page may have beside our own; `*` for any. */
  readonly origins: readonly string[]
  /** Undefined: nobody is asked for a token. */
  readonly tokens: Tokens | undefined
}

/**
 * What refuses a request, or undefined. The request has at most one Host; it has none in HTTP/1.0 alone (see checkHead). `scope` is what it needs; undefined for what is open to
 * all, whatever the Host.
 */
export function refuse(req: IncomingMessage, scope: Scope | undefined, rules: AccessRules): Problem | undefined {
  const { host } = req.headers
  // What is open to all is asked for by supervisors, which call a sidecar by names of their own.
  const problem = host === undefined || scope === undefined ? undefined : refuseHost(host, rules.hosts)
  if (problem !== undefined) return problem
  const { origin } = req.headers
  if (origin !== undefined && !isOwn(origin, host ?? '') && !isListed(origin, rules.origins)) {
    return { status: 403, detail: 'this Origin may not ask here: name it with --allow-origin' }
  }
  return scope === undefined || rules.tokens === undefined ? undefined : refuseToken(req, scope, rules.tokens)
}

/** Addresses pass, and localhost: a page that rebinds DNS needs a name of its own. */
function refuseHost(host: string, listed: readonly string[]): Problem | undefined {
  const parsed = parseHost(host)
  if (parsed.kind === 'address') return undefined
  if (parsed.kind === 'invalid') {
    const rule = 'is neither a name nor an address'
    // It may hold a password, as URLs do. A name is logged: it is what the operator has to list.
    return { status: 400, detail: `the Host ${quote(host)} ${rule}`, logged: `the Host ${rule}` }
  }
  if (parsed.name === 'localhost' || isListed(parsed.name, listed)) return undefined
  const name = parsed.name.slice(0, MAX_SHOWN)
  return { status: 421, detail: `the Host ${quote(host)} is not served here: to serve it, add --allow-host ${name}` }
}

/** Characters of a header that an answer repeats. */
const MAX_SHOWN = 100

const quote = (value: string): string => `"${value.slice(0, MAX_SHOWN).replaceAll(/[^\x20-\x7e]/g, '?')}"`

function refuseToken(req: IncomingMessage, scope: Scope, tokens: Tokens): Problem | undefined {
  const given = /^Bearer ([^\s]+)$/i.exec(req.headers.authorization ?? '')?.[1]
  const headers = { 'WWW-Authenticate': 'Bearer realm="agent-performance"' }
  if (given === undefined) return { status: 401, detail: 'a bearer token is needed', headers }
  const digest = digestOf(given)
  // Every token is compared, and each in constant time: how long it takes says nothing about which was close.
  const known = tokens.filter(token => timingSafeEqual(token.digest, digest))
  if (known.length === 0) return { status: 401, detail: 'this bearer token is not known', headers }
  if (known.some(token => token.scopes.has(scope))) return undefined
  return { status: 403, detail: `this bearer token has not the scope "${scope}"` }
}

function isListed(name: string, list: readonly string[]): boolean {
  return list.some(listed => listed === '*' || listed.toLowerCase() === name.toLowerCase())
}

function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}
