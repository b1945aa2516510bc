/** Sends one request to a sidecar, and verifies that the answer comes from a sidecar. */
import type { HttpAnswer } from './http-exchange.ts'
import { parseJson, requestOnce } from './http-request.ts'
import { messageOf } from './problems.ts'
import type { Query, SidecarAddress } from './sidecar-address.ts'
import { type ProblemDetails, SidecarError } from './sidecar-error.ts'

const MAX_ANSWER_BYTES = 64 * 1_048_576

export interface SidecarRequest {
  readonly path: string
  readonly query?: Query
  /** Members that the answer of a sidecar must have. */
  readonly fields: readonly string[]
  /** The JSON body. */
  readonly body?: unknown
  /** By default POST with a body, else GET. */
  readonly method?: 'PUT' | undefined
}

/** Resolves with the answer. Rejects only with a {@link SidecarError}. */
export async function askSidecar<Answer>(
  address: SidecarAddress,
  timeoutMs: number,
  question: SidecarRequest,
): Promise<Answer> {
  const url = address.at(question.path, question.query)
  const asked = `${methodOf(question)} ${url.origin}${url.pathname}`
  const answer = await request(url, address, timeoutMs, question).catch((cause: unknown) => {
    throw new SidecarError(`${asked}: ${messageOf(cause)}`, { cause })
  })
  const { status } = answer
  const value = parseJson(answer.text)
  if (status !== 200) throw refusal(asked, answer, value)
  if (isRecord(value) && question.fields.every(field => Object.hasOwn(value, field))) return value as Answer
  throw new SidecarError(`${asked}: the answer is not what a sidecar says`, { status })
}

async function request(
  url: URL,
  address: SidecarAddress,
  timeoutMs: number,
  question: SidecarRequest,
): Promise<HttpAnswer> {
  const { body } = question
  const method = methodOf(question)
  const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES }
  if (body === undefined) return await requestOnce({ method, url, headers: address.headers, ...limits })
  const headers = { ...address.headers, 'content-type': 'application/json' }
  return await requestOnce({ method, url, headers, body: JSON.stringify(body), ...limits })
}

function methodOf({ method, body }: SidecarRequest): 'GET' | 'POST' | 'PUT' {
  return method ?? (body === undefined ? 'GET' : 'POST')
}

function refusal(asked: string, { status, header }: HttpAnswer, value: unknown): SidecarError {
  const isProblem = header('content-type')?.startsWith('application/problem+json') === true && isRecord(value)
  if (!isProblem) return new SidecarError(`${asked}: answered ${status}`, { status })
  const problem: ProblemDetails = value
  const words = [problem.title, problem.detail].filter(text => typeof text === 'string').join(': ')
  return new SidecarError(`${asked}: answered ${status} ${words}`.trimEnd(), { status, problem })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
