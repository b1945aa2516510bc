/** Asks questions and records attempts and outcomes over HTTP, at a running sidecar. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Appended, AppendedOutcomes } from '../core/ports.ts'
import { requestOf } from '../core/reports/request.ts'
import { type Answer, type Input, type QuestionPath, questionAt } from '../questions/questions.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Source } from './source.ts'
import { printable } from './table.ts'

const TIMEOUT_MS = 60_000
/** Tries per batch. With the delays that a sidecar requests, they take minutes. */
const MAX_TRIES = 10
const MAX_WAIT_MS = 30_000

/** The sidecar at `url`. Sends nothing yet. Throws a {@link CommandError} if `url` cannot be the URL of a sidecar. */
export function openRemote(url: string, token: string | undefined): Source {
  const base = baseOf(url)
  return {
    ask: <Path extends QuestionPath>(path: Path, parameters: Input<Path>) =>
      ask(base, token, path, parameters) as Promise<Answer<Path>>,
    record: createRecord<Appended>(base, token, 'attempts'),
    recordOutcomes: createRecord<AppendedOutcomes>(base, token, 'outcomes'),
    close: async () => undefined,
  }
}

async function ask(base: URL, token: string | undefined, path: QuestionPath, parameters: object): Promise<unknown> {
  const request = requestOf(path, parameters)
  const answer = await send(base, request.path, { query: request.query, token })
  if (answer.status === 200) return answer.body
  // Only a sidecar's own 404 means "no answer". A proxy or another program sends a different one.
  if (answer.status !== 404 || !answer.isProblem || questionAt(path).noAnswer === undefined) return refuse(base, answer)
  // A setting of the sidecar is the reason. Only its detail says which setting, and what to do.
  if ('setting' in answer.body) throw new CommandError(EXIT.noAnswer, printable(String(answer.body.detail)))
  return undefined
}

/** A host with a port, or localhost: the usual short form of a URL. Other text without a scheme is more likely a mistake. */
const WITHOUT_SCHEME = /^(?:localhost|[\w.-]+:\d+|\[[\da-f:]+\]:\d+)(?:\/|$)/i

function baseOf(given: string): URL {
  const url = WITHOUT_SCHEME.test(given) ? `http://${given}` : given
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandError(EXIT.usage, `--url must be the http or https URL of a sidecar, not "${shown(url)}"`)
  }
  const base = new URL(url)
  if (base.username !== '' || base.password !== '') {
    throw new CommandError(
      EXIT.usage,
      '--url must not hold a user or password: put the token into a file for --token-file',
    )
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  // Messages print the URL, and its query may contain a token. Requests do not need the query.
  base.search = ''
  base.hash = ''
  return base
}

/** The text without user, password and query, for a message. Also works for text that is no URL. */
const shown = (given: string): string => printable(given.replace(/^.*@/s, '***@').replace(/[?#].*$/s, ''))

/**
 * Sends a batch until it is recorded. Items recorded by a partly failed try are duplicates in the next one. The result counts them as
 * accepted.
 */
function createRecord<Kept extends Appended>(
  base: URL,
  token: string | undefined,
  path: 'attempts' | 'outcomes',
): (items: readonly object[]) => Promise<Kept> {
  let reached = false
  return async items => {
    const lines = items.map(item => `${JSON.stringify(item)}\n`).join('')
    let kept = 0
    for (let tries = 1; ; tries++) {
      const last = tries === MAX_TRIES
      const answer = await send(base, path, { lines, token }).catch(error => {
        if (!reached || last) throw error
        return undefined
      })
      reached = true
      if (answer?.status === 200) {
        const recorded = answer.body as unknown as Kept
        return { ...recorded, accepted: recorded.accepted + kept, duplicates: recorded.duplicates - kept }
      }
      if (answer !== undefined) {
        if ((answer.status !== 429 && answer.status !== 503) || last) refuse(base, answer, EXIT.data)
        if (typeof answer.body.accepted === 'number') kept += answer.body.accepted
      }
      await delay(Math.min(answer?.retryAfterMs ?? 1000, MAX_WAIT_MS))
    }
  }
}

interface HttpAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly isProblem: boolean
  readonly retryAfterMs: number
}

interface Request {
  /** Undefined values are omitted. */
  readonly query?: object
  /** NDJSON to post. */
  readonly lines?: string
  readonly token: string | undefined
}

async function send(base: URL, path: string, { query = {}, lines, token }: Request): Promise<HttpAnswer> {
  const url = new URL(`api/v1/${path}`, base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(lines !== undefined && { 'content-type': 'application/x-ndjson' }),
      },
      ...(lines !== undefined && { method: 'POST', body: lines }),
    })
    return await answerOf(response, base)
  } catch (error) {
    throw error instanceof CommandError ? error : unreached(base, error)
  }
}

async function answerOf(response: Response, base: URL): Promise<HttpAnswer> {
  const type = response.headers.get('content-type') ?? ''
  const text = await response.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    body = undefined
  }
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  if (response.status === 200 && !isObject) {
    throw new CommandError(EXIT.unavailable, `${base.href} answers, but not as a sidecar does`)
  }
  const seconds = response.headers.get('retry-after') ?? ''
  return {
    status: response.status,
    body: isObject ? (body as HttpAnswer['body']) : {},
    isProblem: type.startsWith('application/problem+json'),
    retryAfterMs: /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : 1000,
  }
}

function unreached(base: URL, error: unknown): CommandError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const why =
    (error as Error).name === 'TimeoutError'
      ? `it did not answer within ${TIMEOUT_MS / 1000} s`
      : (((cause as { code?: unknown }).code as string | undefined) ?? (cause as Error).message)
  const message = `no sidecar reached at ${base.href} (${why}). Start one with "agent-performance serve", name another with --url, or ask a store itself with --store`
  return new CommandError(EXIT.unavailable, message, {
    cause: error instanceof Error ? new Error(error.message) : error,
  })
}

const REFUSED = new Map<number, { readonly exitCode: number; readonly hint: string }>([
  [401, { exitCode: EXIT.permission, hint: '; give the token with --token-file' }],
  [403, { exitCode: EXIT.permission, hint: '' }],
  [413, { exitCode: EXIT.data, hint: '' }],
  [429, { exitCode: EXIT.temporary, hint: '; try again later' }],
  [503, { exitCode: EXIT.temporary, hint: '; try again later' }],
])

/** `badExit` is the exit code for status 400: `usage` for a bad question, `data` for bad attempts. */
function refuse(base: URL, { status, body, isProblem }: HttpAnswer, badExit: number = EXIT.usage): never {
  const { exitCode, hint } = REFUSED.get(status) ?? { exitCode: status === 400 ? badExit : EXIT.unavailable, hint: '' }
  const detail = isProblem && typeof body.detail === 'string' ? `: ${printable(body.detail)}` : ''
  const errors = Array.isArray(body.errors) ? body.errors.slice(0, 3).map(errorText).join('') : ''
  throw new CommandError(exitCode, `${base.href} answered ${status}${detail}${errors}${hint}`)
}

function errorText(error: { readonly pointer?: unknown; readonly detail?: unknown }): string {
  return printable(`; ${String(error.pointer)} ${String(error.detail)}`)
}
