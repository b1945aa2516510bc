/** Delivery to a sidecar: posts a batch and interprets the answer. */

import { areOutcomes } from './delivery-item.ts'
import type { HttpAnswer } from './http-exchange.ts'
import { parseJson, requestOnce } from './http-request.ts'
import { messageOf } from './problems.ts'
import type { RejectedAttempt } from './receipt.ts'
import { retryAfterMs } from './retry.ts'
import { type Failure, receiptOf, type Send, type SendOutcome } from './send.ts'
import type { SidecarAddress } from './sidecar-address.ts'
import type { ProblemDetails } from './sidecar-error.ts'

const MAX_ANSWER_BYTES = 1_048_576

/** Statuses that pass without anybody's help. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** Statuses that one attempt of a batch may cause. */
const SUSPECT: ReadonlySet<number> = new Set([400, 422, 500])

/** Posts batches to a sidecar. `timeoutMs` limits each request as a whole. Does not keep the process alive. */
export function createHttpSend(address: SidecarAddress, timeoutMs: number): Send {
  const urls = {
    attempts: address.at('api/v1/attempts', { partial: 'true' }),
    outcomes: address.at('api/v1/outcomes', { partial: 'true' }),
  }
  return async (batch, signal) => {
    const url = areOutcomes(batch) ? urls.outcomes : urls.attempts
    const body = JSON.stringify(batch)
    const headers = { ...address.headers, 'content-type': 'application/json' }
    try {
      const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES, background: true }
      const answer = await requestOnce({ method: 'POST', url, headers, body, signal, ...limits })
      return outcomeOf(answer, batch, url)
    } catch (error) {
      return { kind: 'failed', cause: 'passing', detail: `${url.origin}: ${messageOf(error)}` }
    }
  }
}

function outcomeOf(answer: HttpAnswer, batch: Parameters<Send>[0], url: URL): SendOutcome {
  const { length: size } = batch
  const { status, text } = answer
  const value = parseJson(text)
  const receipt = status === 200 ? receiptOf(value, batch) : undefined
  if (receipt !== undefined) return { kind: 'kept', receipt }
  const detail = `${url.origin} answered ${status}: ${text.slice(0, 500)}`
  if (status === 413) return { kind: 'too_large', detail }
  const rejected = status === 400 ? rejectedItems(value, size) : []
  if (rejected.length > 0) return { kind: 'rejected', rejected, detail }
  const retryMs = retryAfterMs(answer.header('retry-after'), Date.now())
  return { kind: 'failed', cause: causeOf(status), detail, retryAfterMs: retryMs }
}

/** An answer that no sidecar gives, such as a page to log in, is somebody else's: the URL may be wrong. */
function causeOf(status: number): Failure['cause'] {
  if (SUSPECT.has(status)) return 'suspect'
  return PASSING.has(status) ? 'passing' : 'refused'
}

/** The items of the batch that a 400 names, with their problems. */
function rejectedItems(value: unknown, size: number): RejectedAttempt[] {
  const errors = (value as ProblemDetails | undefined)?.errors
  const byIndex = new Map<number, RejectedAttempt['errors'][number][]>()
  for (const { index, pointer, detail } of Array.isArray(errors) ? errors : []) {
    if (index === undefined || !Number.isInteger(index) || index < 0 || index >= size) continue
    byIndex.set(index, [...(byIndex.get(index) ?? []), { pointer, detail }])
  }
  return [...byIndex].map(([index, problems]) => ({ index, errors: problems }))
}
