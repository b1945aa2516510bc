/**
 * One stream per browser: a lock elects the tab that reads it, and a channel hands its events to the others. With a stream per tab the seventh
 * tab would never load, because HTTP/1.1 allows six connections per origin.
 */
import { type Signal, signal } from '@preact/signals'
import type { AgentAttempt, AttemptKey } from '../../../core/attempt/attempt.ts'
import type { StreamEvent } from '../../../core/events.ts'
import { BASE } from './router.ts'
import { type Connection, followStream, otherToken, type RefusedToken } from './stream.ts'

/** What changed. `keys` undefined: anything. */
export interface Change {
  readonly keys: readonly AttemptKey[] | undefined
  /** Attempts are missing from what the page received. */
  readonly isGap: boolean
}

export const connection: Signal<Connection> = signal('connecting')

type Message =
  | { readonly kind: 'events'; readonly events: readonly StreamEvent[] }
  | { readonly kind: 'state'; readonly state: Connection }
  | { readonly kind: 'changed' }
  /** A new tab asks for the state. */
  | { readonly kind: 'joined' }

const changeListeners = new Set<(change: Change) => void>()
const attemptListeners = new Set<(attempts: readonly AgentAttempt[]) => void>()

/** Calls `listener` when answers change, at most about once a second. Returns the end of the subscription. */
export function onChange(listener: (change: Change) => void): () => void {
  changeListeners.add(listener)
  return () => void changeListeners.delete(listener)
}

/** Calls `listener` with new attempts, oldest first. Returns the end of the subscription. */
export function onAttempts(listener: (attempts: readonly AgentAttempt[]) => void): () => void {
  attemptListeners.add(listener)
  return () => void attemptListeners.delete(listener)
}

/** How long a hidden tab keeps the stream. Browsers freeze hidden tabs, and the others would receive nothing. */
const HIDDEN_MS = 60_000

/** Opens the stream for as long as the page is open. */
export function openLive(): void {
  const channel = new BroadcastChannel(`agent-performance ${BASE.href}`)
  channel.addEventListener('message', ({ data }) => receive(data as Message, channel))
  channel.postMessage({ kind: 'joined' } satisfies Message)
  // Locks exist in secure contexts only. Without them each visible tab has a stream.
  void (navigator.locks === undefined ? followWhileVisible() : followWithLock(channel))
}

let isLeader = false

function receive(message: Message, channel: BroadcastChannel): void {
  if (message.kind === 'state') connection.value = message.state
  else if (message.kind === 'events') deliver(message.events)
  else if (message.kind === 'changed') notify({ keys: undefined, isGap: true })
  else if (isLeader) channel.postMessage({ kind: 'state', state: connection.value } satisfies Message)
}

async function followWithLock(channel: BroadcastChannel): Promise<void> {
  for (;;) {
    await whenVisible()
    const refused = await navigator.locks.request(`agent-performance ${BASE.href}`, async () => {
      isLeader = true
      const stop = new AbortController()
      const send = (message: Message): void => {
        channel.postMessage(message)
        receive(message, channel)
      }
      const unwatch = whenHiddenFor(HIDDEN_MS, () => stop.abort())
      const end = await followStream(listenerOf(send), stop.signal)
      unwatch()
      isLeader = false
      return end
    })
    if (refused === undefined) continue
    // Without the lock: another tab may have a token.
    await replaced(refused)
    channel.postMessage({ kind: 'joined' } satisfies Message)
  }
}

async function followWhileVisible(): Promise<void> {
  for (;;) {
    await whenVisible()
    const stop = new AbortController()
    const unwatch = whenHiddenFor(0, () => stop.abort())
    const send = (message: Message): void => {
      if (message.kind === 'state') connection.value = message.state
      else if (message.kind === 'events') deliver(message.events)
      else notify({ keys: undefined, isGap: true })
    }
    const refused = await followStream(listenerOf(send), stop.signal)
    unwatch()
    if (refused !== undefined) await replaced(refused)
  }
}

/** Resolves when the tab has another token than the refused one. */
async function replaced(refused: RefusedToken): Promise<void> {
  connection.value = 'no_token'
  await otherToken(refused)
  connection.value = 'connecting'
}

const listenerOf = (send: (message: Message) => void) => ({
  state(state: Connection) {
    if (state !== connection.peek()) send({ kind: 'state', state })
  },
  events: (events: readonly StreamEvent[]) => send({ kind: 'events', events }),
  changed: () => send({ kind: 'changed' }),
})

function deliver(events: readonly StreamEvent[]): void {
  const attempts: AgentAttempt[] = []
  for (const { event, data } of events) {
    if (event === 'attempt') attempts.push(data)
    else if (event === 'summary') notify({ keys: data.complete && !data.others ? data.keys : undefined, isGap: false })
    else if (event === 'resync') notify({ keys: undefined, isGap: true })
  }
  if (attempts.length > 0) for (const listener of attemptListeners) listener(attempts)
}

function notify(change: Change): void {
  for (const listener of changeListeners) listener(change)
}

/** Resolves at once if the page is visible. */
export function whenVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise(resolve => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true })
  })
}

function whenHiddenFor(ms: number, run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  function watch(): void {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(run, ms)
  }
  document.addEventListener('visibilitychange', watch)
  watch()
  return () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', watch)
  }
}
