/** Sends a request with `fetch`, for runtimes without `node:http`. */
import { type HttpAnswer, type HttpRequest, tooLate, tooLong } from './http-exchange.ts'

export async function requestByFetch(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body, timeoutMs, maxBytes, signal } = request
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  const timer = setTimeout(() => stop.abort(tooLate(timeoutMs)), timeoutMs)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort)
  try {
    const init = {
      method,
      headers,
      signal: stop.signal,
      redirect: 'manual',
      ...(body !== undefined && { body }),
    } as const
    const response = await fetch(url, init)
    const text = await textOf(response, maxBytes)
    return { status: response.status, header: name => response.headers.get(name) ?? undefined, text }
  } catch (error) {
    // `fetch` says no more than "fetch failed": what failed is the cause.
    throw stop.signal.aborted ? stop.signal.reason : ((error as { readonly cause?: unknown }).cause ?? error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const reader = response.body?.getReader()
  for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
    bytes += step.value.byteLength
    if (bytes > maxBytes) {
      await reader?.cancel()
      throw tooLong(maxBytes)
    }
    text += decoder.decode(step.value, { stream: true })
  }
  return text + decoder.decode()
}
