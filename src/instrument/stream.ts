/** Follows `GET /api/v1/stream` of a sidecar, also over lost connections. */
import { createEventParser, type ReceivedEvent } from '../core/event-stream.ts'
import type { StreamEvent } from '../core/events.ts'
import type { Query, SidecarAddress } from './sidecar-address.ts'
import { SidecarError } from './sidecar-error.ts'

export interface StreamOptions {
  readonly agent_name?: string | undefined
  readonly model_name?: string | undefined
  readonly issue_type?: string | undefined
  /** Resumes behind the event with this id. */
  readonly lastId?: string | undefined
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal | undefined
}

/** Two heartbeats and some seconds: a connection that is silent for longer is dead. */
const SILENCE_MS = 35_000
/** Delays between connections, in milliseconds. */
const RETRY = { firstMs: 1000, lastMs: 30_000 }

/**
 * All events of the stream. A lost connection is opened again behind the last event, after a growing delay of at most 30 s. If attempts were
 * missed, a `resync` event comes first. Rejects only with a {@link SidecarError}: the sidecar refuses the request (4xx), or it is no sidecar.
 */
export async function* followStream(
  address: SidecarAddress,
  { signal, lastId, ...filter }: StreamOptions,
): AsyncGenerator<StreamEvent> {
  let id = lastId
  for (let failures = 0; signal?.aborted !== true; failures++) {
    const connection = new AbortController()
    const end = (): void => connection.abort()
    signal?.addEventListener('abort', end, { once: true })
    let statedMs: number | undefined
    try {
      const response = await connect(address, filter, id, connection)
      const parser = createEventParser()
      for await (const text of textOf(response, connection)) {
        for (const received of parser.push(text)) {
          failures = 0
          id = received.lastId ?? id
          yield eventOf(received)
        }
        statedMs = parser.retryMs
      }
    } catch (error) {
      // Anything else is a lost connection.
      if (error instanceof SidecarError) throw error
    } finally {
      signal?.removeEventListener('abort', end)
      connection.abort()
    }
    await delay(retryDelay(failures, statedMs), signal)
  }
}

async function connect(
  { at, headers }: SidecarAddress,
  filter: Query,
  lastId: string | undefined,
  connection: AbortController,
): Promise<Response> {
  const url = at('api/v1/stream', filter)
  const silence = setTimeout(() => connection.abort(), SILENCE_MS)
  const response = await fetch(url, {
    headers: { ...headers, accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
    signal: connection.signal,
    redirect: 'error',
  }).finally(() => clearTimeout(silence))
  if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream') === true) return response
  await response.body?.cancel()
  const { status } = response
  const what = `GET ${url.origin}${url.pathname}`
  // Too many requests, too many streams and a shutdown pass.
  if (status === 429 || status >= 500) throw new Error(`${what}: answered ${status}`)
  throw new SidecarError(`${what}: answered ${status}${response.ok ? ' without a stream of events' : ''}`, { status })
}

/** The text of a response. A connection that is silent for too long is aborted. */
async function* textOf(response: Response, connection: AbortController): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const silent = (): ReturnType<typeof setTimeout> => setTimeout(() => connection.abort(), SILENCE_MS)
  let silence = silent()
  const reader = response.body?.getReader()
  try {
    for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
      clearTimeout(silence)
      silence = silent()
      yield decoder.decode(step.value, { stream: true })
    }
  } finally {
    clearTimeout(silence)
  }
}

/** Resolves after the time, or as soon as `signal` is aborted. */
function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end)
  })
}

function eventOf({ event, data, lastId }: ReceivedEvent): StreamEvent {
  return { event, data: JSON.parse(data), id: lastId } as StreamEvent
}

/** Half of the delay is random, so that the clients of a sidecar that restarts do not come back at once. */
function retryDelay(failures: number, statedMs: number = RETRY.firstMs): number {
  const mostMs = Math.min(RETRY.lastMs, Math.max(statedMs, RETRY.firstMs * 2 ** Math.min(failures, 10)))
  return mostMs * (0.5 + Math.random() / 2)
}
