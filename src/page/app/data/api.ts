/** Asks the sidecar. The types of answers are those of the question registry. */
import { type Signal, signal } from '@preact/signals'
import type { Answer, QuestionPath } from '../../../questions/questions.ts'
import { BASE } from './router.ts'

export type { Answer, QuestionPath }

/** Parameters of a question. Undefined and empty ones are left out. */
export type Query = Readonly<Record<string, string | undefined>>

/** The answer of a question that has one. */
export type Given<Path extends QuestionPath> = Exclude<Answer<Path>, undefined>

const TOKEN_KEY = 'agent-performance-token'

/** The bearer token. It stays in this tab: other tabs and later sessions do not get it. */
export const token: Signal<string | undefined> = signal(sessionStorage.getItem(TOKEN_KEY) ?? undefined)

/** Why a token must be entered: what the sidecar answered. Undefined if none is needed. */
export const tokenProblem: Signal<string | undefined> = signal(undefined)

/** Notes that the sidecar refused a token. A late answer says nothing of the token that was entered since. */
export function refuseToken(used: string | undefined, detail: string): void {
  if (token.peek() === used) tokenProblem.value = detail
}

export function enterToken(value: string): void {
  sessionStorage.setItem(TOKEN_KEY, value)
  tokenProblem.value = undefined
  token.value = value
}

/** An answer that is not 200. `status` 0: the sidecar could not be reached. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The URL of a question. `{name}` in its path is the parameter `name`. */
export function urlOf(path: QuestionPath, query: Query = {}): URL {
  const { name = '', ...rest } = query
  const isNamed = path.includes('{name}')
  const url = new URL(`api/v1/${path.replace('{name}', encodeURIComponent(name))}`, BASE)
  const search = Object.entries(isNamed ? rest : query)
  for (const [key, value] of search) if (value !== undefined && value !== '') url.searchParams.set(key, value)
  return url
}

/** Rejects with an {@link ApiError}, or with the signal's reason. */
export async function ask<Path extends QuestionPath>(
  path: Path,
  query: Query,
  stop?: AbortSignal,
): Promise<Given<Path>> {
  return (await getJson(urlOf(path, query), stop)) as Given<Path>
}

/** The JSON at a URL of the sidecar. Rejects as {@link ask}. */
export async function getJson(url: URL, stop?: AbortSignal): Promise<unknown> {
  const used = token.peek()
  const asked = fetch(url, { headers: authorization(), ...(stop !== undefined && { signal: stop }) })
  const response = await received(asked, stop)
  if (response.ok) return await received(response.json(), stop)
  const detail = await received(detailOf(response), stop)
  if (response.status === 401 || response.status === 403) refuseToken(used, detail)
  throw new ApiError(response.status, detail)
}

/** `reply`, or an error with status 0 if the connection was lost before its end. */
async function received<Reply>(reply: Promise<Reply>, stop: AbortSignal | undefined): Promise<Reply> {
  return await reply.catch(() => {
    stop?.throwIfAborted()
    throw new ApiError(0, 'The sidecar does not answer. The page asks again by itself.')
  })
}

export const authorization = (): Record<string, string> =>
  token.peek() === undefined ? {} : { Authorization: `Bearer ${token.peek()}` }

/**
 * The detail of a problem (RFC 9457). Rejects if the body was not received: a request that is aborted midway must not replace the detail that
 * another one has received.
 */
export async function detailOf(response: Response): Promise<string> {
  const detail = detailIn(await response.text())
  return typeof detail === 'string' ? detail : `The sidecar answered ${response.status}.`
}

function detailIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { detail?: unknown }).detail
  } catch {
    // A proxy may answer with HTML.
    return undefined
  }
}
