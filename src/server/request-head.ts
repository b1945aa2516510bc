/** Checks what RFC 9112 requires and Node's parser does not check: version, framing, Host, and the form of the target. */
import type { IncomingMessage } from 'node:http'
import type { Problem } from './problem.ts'

/**
 * Returns what is wrong with the head of a request, or undefined. Rewrites an absolute-form target, which proxies send, to origin-form and
 * takes the Host from it, so that later code sees a path.
 */
export function checkHead(req: IncomingMessage): Problem | undefined {
  return versionFault(req) ?? codingFault(req) ?? hostFault(req) ?? targetFault(req)
}

/** After such a fault the boundaries of the next request are ambiguous (request smuggling). */
const CLOSE = { Connection: 'close' }

function versionFault(req: IncomingMessage): Problem | undefined {
  if (req.httpVersionMajor === 1) return undefined
  return { status: 505, detail: 'only HTTP/1.1 and HTTP/1.0 are supported', headers: CLOSE }
}

function codingFault(req: IncomingMessage): Problem | undefined {
  const coding = req.headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (req.httpVersionMinor === 0) return { status: 400, detail: 'HTTP/1.0 has no Transfer-Encoding', headers: CLOSE }
  if (coding.toLowerCase() === 'chunked') return undefined
  return {
    status: 501,
    detail: 'the only supported Transfer-Encoding is chunked: state gzip in Content-Encoding',
    headers: CLOSE,
  }
}

function hostFault(req: IncomingMessage): Problem | undefined {
  const { rawHeaders } = req
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return { status: 400, detail: `a request has one Host header, not ${hosts}`, headers: CLOSE }
  if (hosts === 0 && req.httpVersionMinor > 0)
    return { status: 400, detail: 'an HTTP/1.1 request has a Host header', headers: CLOSE }
  return undefined
}

function targetFault(req: IncomingMessage): Problem | undefined {
  if (!req.url!.startsWith('/') && req.url !== '*') {
    const found = /^https?:\/\/([^/?#]*)(.*)$/is.exec(req.url!)
    if (found === null) return { status: 400, detail: 'the request target is neither a path nor an http URL' }
    const [, authority, target] = found
    req.headers.host = authority!
    req.url = target!.startsWith('/') ? target! : `/${target}`
  }
  // Most targets contain neither.
  if (!req.url!.includes('%') && !req.url!.includes('#')) return undefined
  return encodingFault(req.url!)
}

/** Positions are counted in characters of the target, from 1. */
function encodingFault(url: string): Problem | undefined {
  const hash = url.indexOf('#')
  if (hash >= 0) return { status: 400, detail: `a request target has no fragment: "#" at character ${hash + 1}` }
  const query = url.includes('?') ? url.indexOf('?') : url.length
  const inPath = badEscape(url, 0, query)
  if (inPath !== undefined) return { status: 400, detail: `the path ${inPath}` }
  for (let start = query + 1; start < url.length; ) {
    const end = url.indexOf('&', start) < 0 ? url.length : url.indexOf('&', start)
    const bad = badEscape(url, start, end)
    if (bad !== undefined) return parameterFault(url.slice(start, end), bad)
    start = end + 1
  }
  return undefined
}

function parameterFault(pair: string, detail: string): Problem {
  const name = pair.split('=', 1)[0]!.slice(0, 100)
  return { status: 400, detail: `the parameter ${name} ${detail}`, more: { parameters: [{ name, detail }] } }
}

/** Sequences of escapes: one character may take several escapes. */
const ESCAPES = /(?:%[0-9a-f]{2})+|%/gi

/** Describes the first sequence of escapes that is not UTF-8. Replacing it by U+FFFD would map two names to one. */
function badEscape(url: string, start: number, end: number): string | undefined {
  const part = url.slice(start, end)
  for (const { 0: run, index } of part.matchAll(ESCAPES)) {
    if (isDecodable(run)) continue
    const shown = run === '%' ? part.slice(index, index + 3) : run.slice(0, 30)
    return `is not percent-encoded UTF-8: "${shown}" at character ${start + index + 1} of the request target`
  }
  return undefined
}

function isDecodable(run: string): boolean {
  try {
    decodeURIComponent(run)
    return true
  } catch {
    return false
  }
}
