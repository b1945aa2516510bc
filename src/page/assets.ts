/** Serves the live page: `index.html` at every view, and the built assets. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isPageView, pathOf } from '../server/paths.ts'
import { type Problem, sendProblem } from '../server/problem.ts'
import { codingOf } from './accept-encoding.ts'
import type { BuiltFile, BuiltFiles } from './built-files.ts'

/**
 * The page loads nothing from another origin, runs no inline script and inserts no text as HTML. Trusted Types make `innerHTML` throw, so that
 * hostile names cannot become elements.
 */
const CONTENT_SECURITY_POLICY = [
  ...["default-src 'self'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join('; ')

const NOT_BUILT: Problem = {
  status: 404,
  detail:
    'the live page is not built: run "npm ci" without --omit=dev, or "npm run build:page", and start again. The API works without it: see /openapi.json',
}

/** Returns whether it answered. Handles GET and HEAD of the views and of assets. An unknown asset is left to the caller. */
export function createPageHandler(
  files: BuiltFiles | undefined,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  return (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false
    const path = pathOf(req)
    const isView = isPageView(path)
    if (files === undefined) {
      if (isView) sendProblem(res, NOT_BUILT)
      return isView
    }
    const file = files.get(isView ? 'index.html' : path.slice(1))
    if (file === undefined || (!isView && !path.startsWith('/assets/'))) return false
    send(req, res, file, isView)
    return true
  }
}

function send(req: IncomingMessage, res: ServerResponse, file: BuiltFile, isView: boolean): void {
  const coding = codingOf(req.headers['accept-encoding'], file.bytes)
  const body = file.bytes.get(coding)!
  // The bytes of each coding differ, so each has an ETag of its own.
  const etag = coding === 'identity' ? file.etag : `${file.etag.slice(0, -1)}-${coding}"`
  const headers = [
    // The names of assets contain a hash of their bytes.
    ...['Cache-Control', isView ? 'no-cache' : 'public, max-age=31536000, immutable'],
    ...['Vary', 'Accept-Encoding'],
    ...['ETag', etag],
    ...['Content-Security-Policy', CONTENT_SECURITY_POLICY],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Referrer-Policy', 'no-referrer'],
  ]
  if (isKnown(req.headers['if-none-match'], etag)) {
    res.writeHead(304, headers).end()
    return
  }
  if (coding !== 'identity') headers.push('Content-Encoding', coding)
  headers.push('Content-Type', file.contentType, 'Content-Length', String(body.length))
  res.writeHead(200, headers).end(req.method === 'HEAD' ? undefined : body)
}

/** Compares weakly, as RFC 9110, section 13.1.2 requires: a proxy may have made an ETag weak. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(one => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag)
}
