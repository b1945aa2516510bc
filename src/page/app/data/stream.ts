/** Reads `GET /api/v1/stream` with `fetch`, because `EventSource` sends no bearer token and gives up after an error status. */
import { createEventParser } from '../../../core/event-stream.ts'
import type { StreamEvent } from '../../../core/events.ts'
import { authorization, detailOf, refuseToken, token } from './api.ts'
import { BASE } from './router.ts'

/** `polling`: the connection is open, but a proxy keeps the events back. */
export type Connection = 'connecting' | 'live' | 'polling' | 'lost' | 'no_token'

export interface StreamListener {
  state(connection: Connection): void
  /** Events of one read, in order. */
  events(events: readonly StreamEvent[]): void
  /** Answers may have changed: the page must ask again. */
  changed(): void
}

/** The sidecar sends a heartbeat every 15 s. */
const SILENCE_MS = 35_000
const RETRY = { firstMs: 1000, lastMs: 30_000 }
/** Connections without an event until the page polls. */
const MUTE_TRIES = 3
const POLL_MS = 5000

/** Why following ended: the sidecar refused this token. */
export interface RefusedToken {
  readonly token: string | undefined
}

/** Follows the stream until `stop` aborts, or until the sidecar refuses the token of this tab. */
export async function followStream(listener: StreamListener, stop: AbortSignal): Promise<RefusedToken | undefined> {
  let lastId: string | undefined
  let failures = 0
  let mute = 0
  listener.state('connecting')
  while (!stop.aborted) {
    const connection = new AbortController()
    const end = (): void => connection.abort()
    stop.addEventListener('abort', end)
    const used = token.peek()
    const outcome = await readStream(connection, lastId, events => {
      if (failures > 0 || mute > 0) listener.changed()
      failures = 0
      mute = 0
      lastId = events.findLast(({ id }) => id !== undefined)?.id ?? lastId
      listener.state('live')
      listener.events(events)
    })
    stop.removeEventListener('abort', end)
    if (stop.aborted) return undefined
    if (outcome === 'no_token') return { token: used }
    if (outcome === 'mute') mute++
    else failures++
    if (mute >= MUTE_TRIES) {
      listener.state('polling')
      listener.changed()
      await delay(POLL_MS, stop)
    } else {
      if (failures > 1) listener.state('lost')
      await delay(retryDelay(failures), stop)
    }
  }
  return undefined
}

type Outcome = 'ended' | 'failed' | 'mute' | 'no_token'

async function readStream(
  connection: AbortController,
  lastId: string | undefined,
  receive: (events: StreamEvent[]) => void,
): Promise<Outcome> {
  const used = token.peek()
  let isMute = false
  let silence = setTimeout(onSilence, SILENCE_MS)
  function onSilence(): void {
    isMute = true
    connection.abort()
  }
  try {
    const headers = {
      ...authorization(),
      accept: 'text/event-stream',
      ...(lastId !== undefined && { 'last-event-id': lastId }),
    }
    const response = await fetch(new URL('api/v1/stream', BASE), { headers, signal: connection.signal })
    if (response.status === 401 || response.status === 403) {
      refuseToken(used, await detailOf(response))
      return 'no_token'
    }
    if (!response.ok || response.body === null) return 'failed'
    const parser = createEventParser()
    const reader = response.body
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
      .getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return 'ended'
      clearTimeout(silence)
      silence = setTimeout(onSilence, SILENCE_MS)
      const events = parser.push(value).map(({ event, data, lastId: id }) => ({ event, data: JSON.parse(data), id }))
      if (events.length > 0) receive(events as StreamEvent[])
    }
  } catch {
    return isMute ? 'mute' : 'failed'
  } finally {
    clearTimeout(silence)
  }
}

/** Full jitter, so that pages do not come back at once after a restart of the sidecar. */
const retryDelay = (failures: number): number =>
  300 + Math.random() * Math.min(RETRY.lastMs, RETRY.firstMs * 2 ** Math.min(failures, 10))

function delay(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    stop.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Resolves when the token is another one than the refused one. It may be so already. */
export async function otherToken({ token: refused }: RefusedToken): Promise<void> {
  let unsubscribe: (() => void) | undefined
  await new Promise<void>(resolve => {
    unsubscribe = token.subscribe(value => {
      if (value !== refused) resolve()
    })
  })
  unsubscribe?.()
}
