/** Delivery to a sidecar: posts a batch and interprets the answer. */
import { type HttpAnswer, parseJson, requestOnce } from './http-request.ts'
import { messageOf } from './problems.ts'
import { readReceipt } from './receipt.ts'
import { retryAfterMs } from './retry.ts'
import type { Send, SendOutcome } from './send.ts'
import type { SidecarAddress } from './sidecar-address.ts'

const MAX_ANSWER_BYTES = 1_048_576

/** Statuses after which a retry may succeed. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** Posts batches to a sidecar. `timeoutMs` limits each request as a whole. Does not keep the process alive. */
export function createHttpSend(address: SidecarAddress, timeoutMs: number): Send {
  const url = address.at('api/v1/attempts', { partial: 'true' })
  return async (batch, signal) => {
    const body = JSON.stringify(batch)
    const headers = { ...address.headers, 'content-type': 'application/json' }
    try {
      const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES, background: true }
      const answer = await requestOnce({ method: 'POST', url, headers, body, signal, ...limits })
      return outcomeOf(answer, batch.length)
    } catch (error) {
      return { kind: 'retry', detail: `${url.origin}: ${messageOf(error)}` }
    }
  }
}

function outcomeOf({ status, headers, text }: HttpAnswer, size: number): SendOutcome {
  const detail = `${status}: ${text.slice(0, 500)}`
  if (TRANSIENT.has(status))
    return { kind: 'retry', detail, retryAfterMs: retryAfterMs(headers['retry-after'], Date.now()) }
  if (status === 413) return { kind: 'too_large', detail }
  if (status >= 400) return { kind: 'refused', detail }
  const receipt = status === 200 ? readReceipt(parseJson(text), size) : undefined
  return receipt === undefined ? { kind: 'retry', detail } : { kind: 'kept', receipt }
}
