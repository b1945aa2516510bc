/** One POST to a sink: bounded in time, without redirects, without a proxy, and only to addresses that the operator allows. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { createLookup } from './address.ts'
import { printable } from './notification.ts'
import type { SendResult } from './sink.ts'

/** How long one request may take. */
export const REQUEST_TIMEOUT_MS = 10_000
/** How much of an answer is read, for its reason. */
const MAX_ANSWER_BYTES = 4096
/** The longest wait that a sink's `Retry-After` can ask for. */
const MAX_RETRY_AFTER_MS = 3_600_000
/**
 * Statuses that refuse the notification itself. It is not sent again, because the sink would refuse it again. Others, such as 401, 404 or a
 * redirect, are faults of the address, the token or the sink. An operator can fix them, so the notification is kept.
 */
const REFUSING: ReadonlySet<number> = new Set([400, 406, 409, 411, 412, 413, 414, 415, 417, 422, 431])

export interface Post {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  readonly networks: readonly string[]
  readonly signal: AbortSignal
}

/** Never rejects. */
export async function post({ url, headers, body, networks, signal }: Post): Promise<SendResult> {
  try {
    const answer = await request(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'agent-performance',
        'Content-Length': String(Buffer.byteLength(body)),
        ...headers,
      },
      body,
      lookup: createLookup(networks),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    return await resultOf(answer)
  } catch (error) {
    return { status: 'retry', reason: reasonOf(error) }
  }
}

interface Request extends http.RequestOptions {
  readonly body: string
}

function request(url: string, { body, ...options }: Request): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { request } = url.startsWith('https:') ? https : http
  // An agent of its own uses no proxy of the environment, and holds no connection open.
  request(url, { ...options, agent: false }, resolve)
    .on('error', reject)
    .end(body)
  return promise
}

async function resultOf(answer: IncomingMessage): Promise<SendResult> {
  const status = answer.statusCode ?? 0
  const reason = `${status} ${await textOf(answer)}`.trim()
  if (status >= 200 && status < 300) return { status: 'sent' }
  if (REFUSING.has(status)) return { status: 'refused', reason }
  if (status >= 300 && status < 400) return { status: 'retry', reason: `${status}: redirects are not followed` }
  return { status: 'retry', reason, afterMs: retryAfterMs(answer.headers['retry-after']) }
}

/** The beginning of an answer, in one line. */
async function textOf(answer: IncomingMessage): Promise<string> {
  let bytes = Buffer.alloc(0)
  try {
    for await (const chunk of answer) {
      bytes = Buffer.concat([bytes, chunk as Buffer])
      if (bytes.length >= MAX_ANSWER_BYTES) break
    }
  } catch {
    // The status has come.
  }
  answer.destroy()
  return printable(bytes.toString('utf8', 0, 200))
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(stated: string | undefined): number | undefined {
  if (stated === undefined) return undefined
  const ms = /^\d+$/.test(stated) ? Number(stated) * 1000 : Date.parse(stated) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${REQUEST_TIMEOUT_MS / 1000} s`
  // Of several addresses, Node joins the errors and leaves the message empty.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  return printable(first instanceof Error ? first.message : String(first)).slice(0, 300)
}
