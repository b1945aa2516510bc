/**
 * The hub of the stream: it follows the events of kept attempts and hands them to the clients. It subscribes to the events only while there are
 * clients, and for a minute after the last one, so that attempts cost nothing without clients.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { matches } from '../../core/aggregate/key-index.ts'
import type { AttemptKey } from '../../core/attempt/attempt.ts'
import { printTimestamp } from '../../core/attempt/timestamp.ts'
import type { KeptEvent, KeptEvents, ResyncReason, StreamOutcome } from '../../core/events.ts'
import type { LogRecord, OutcomeRecord } from '../../core/fold.ts'
import type { KeyFilter } from '../../core/ports.ts'
import { createWorkQueue } from '../../lib/event-loop.ts'
import { type Channel, createChannel } from './channel.ts'
import { frame, retry } from './frames.ts'
import { createHistory, isOutcome, type StreamEntry } from './history.ts'
import { createReader } from './reader.ts'

/** In milliseconds. */
export interface StreamTimes {
  /** How soon an attempt is sent after a silence. */
  readonly tickMs: number
  /** The least time between two writes of attempts to a client. With many clients more, see {@link WRITES_PER_MS}. */
  readonly flushMs: number
  readonly summaryMs: number
  /** After so long without an event, a heartbeat is sent. Proxies close a silent connection after 30 s or more. */
  readonly heartbeatMs: number
  /** How long a client may be slow before it is disconnected. */
  readonly slowMs: number
  /** How long attempts are kept for clients that connect again, after the last one has gone. */
  readonly lingerMs: number
}

export const STREAM_TIMES: StreamTimes = {
  tickMs: 50,
  flushMs: 250,
  summaryMs: 1000,
  heartbeatMs: 15_000,
  slowMs: 30_000,
  lingerMs: 60_000,
}

/** The most writes to all clients together, on average: a thousand clients get the attempts of a second in one write. */
const WRITES_PER_MS = 1

export interface StreamHub {
  /** The number of connected clients. */
  readonly clients: number
  /** Sends events to a client from now on, or from the attempt after `lastId`. The head of the response is written. */
  add(res: ServerResponse, filter: KeyFilter, lastId: string | undefined): void
  /** Ends all streams. */
  close(): void
}

export interface StreamHubOptions {
  readonly events: KeptEvents
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly monotonic: () => number
  readonly times?: StreamTimes
}

/** How long clients wait before they connect again, in milliseconds: at least the first, at most both together. */
const RETRY_MS = { least: 1000, spread: 4000 }

/** Longer than 60 lines: its functions share the channels and the history. */
export function createStreamHub({ events, clock, monotonic, times = STREAM_TIMES }: StreamHubOptions): StreamHub {
  const channels = new Map<string, Channel>()
  const history = createHistory()
  const run = createWorkQueue()
  /** Attempts of another epoch cannot be resumed: they are not in the history. */
  let epoch = newEpoch()
  let unsubscribe: (() => void) | undefined
  let timers: NodeJS.Timeout[] = []
  let linger: NodeJS.Timeout | undefined
  let clients = 0
  let pacedMs = Number.NEGATIVE_INFINITY

  const timeNow = (): string => new Date(clock()).toISOString()
  const idOfEntry = (sequence: number): string => `${epoch}-${sequence}`
  const newestId = (): string => idOfEntry(history.newest)

  function keep(entry: StreamEntry): void {
    history.add(entry)
    // Serialized when a channel first needs it: most entries may match no filter.
    let text: string | undefined
    const event = (): string => {
      text ??= frameOf(entry, newestId())
      return text
    }
    for (const channel of channels.values()) channel.add(entry, event)
  }

  function receive(event: KeptEvent): void {
    if (event.kind === 'kept') for (const record of event.records) receiveRecord(record)
    else if (event.kind === 'reloaded') resync('reloaded')
    else {
      resync('behind')
      addOthers(event.keys)
    }
  }

  function receiveRecord(record: LogRecord): void {
    if (record.kind === 'attempt') keep(record.attempt)
    else if (record.kind === 'outcome') keep(streamOutcome(record))
    else if (record.kind === 'reset') resync('reset')
    else addOthers()
  }

  function addOthers(keys?: readonly AttemptKey[]): void {
    for (const channel of channels.values()) channel.addOthers(keys)
  }

  /** Attempts are missing here. What was sent before cannot be resumed over the gap. */
  function resync(reason: ResyncReason): void {
    history.clear()
    epoch = newEpoch()
    for (const channel of channels.values()) {
      channel.flush()
      for (const reader of channel.readers) reader.resync(reason, newestId())
    }
  }

  function start(): void {
    clearTimeout(linger)
    if (unsubscribe === undefined) {
      history.clear()
      epoch = newEpoch()
      unsubscribe = events.subscribe(receive)
    }
    if (timers.length > 0) return
    timers = [setInterval(tick, times.tickMs), setInterval(check, times.heartbeatMs / 4)]
    for (const timer of timers) timer.unref()
  }

  function tick(): void {
    const [nowMs, time] = [monotonic(), timeNow()]
    const flushMs = Math.max(times.flushMs, clients / WRITES_PER_MS)
    const pauses = { flushMs, summaryMs: Math.max(times.summaryMs, flushMs) }
    if (nowMs - pacedMs >= times.flushMs) checkPaces(nowMs)
    each(channel => channel.tick(nowMs, time, pauses))
  }

  function checkPaces(nowMs: number): void {
    pacedMs = nowMs
    each(({ readers }) => {
      for (const reader of readers) reader.checkPace()
    })
  }

  function stopTimers(): void {
    for (const timer of timers) clearInterval(timer)
    timers = []
  }

  function stop(): void {
    stopTimers()
    unsubscribe?.()
    unsubscribe = undefined
    history.clear()
  }

  function each(work: (channel: Channel) => void): void {
    for (const channel of channels.values()) work(channel)
  }

  function check(): void {
    const nowMs = monotonic()
    each(({ readers }) => {
      for (const reader of readers) reader.checkSilence(nowMs - times.heartbeatMs, nowMs - times.slowMs)
    })
  }

  function channelOf(filter: KeyFilter): Channel {
    const id = idOf(filter)
    const channel = channels.get(id) ?? createChannel(filter, run)
    channels.set(id, channel)
    return channel
  }

  /** The text that continues after `lastId`: the attempts since then, or a resync. */
  function resumeText(lastId: string | undefined, { filter }: Channel): string {
    if (lastId === undefined) return ''
    const [, of, number] = /^([\w]+)-(\d{1,15})$/.exec(lastId) ?? []
    const last = Number(number)
    const missed = of === epoch && last <= history.newest ? history.after(last) : undefined
    if (missed === undefined) return frame('resync', { reason: 'unknown_id' }, newestId())
    return missed.map((entry, i) => (matches(entry, filter) ? frameOf(entry, idOfEntry(last + 1 + i)) : '')).join('')
  }

  return {
    get clients() {
      return clients
    },
    add(res, filter, lastId) {
      start()
      clients++
      const channel = channelOf(filter)
      const reader = createReader(res, monotonic)
      channel.join(reader)
      res.write(
        retry(retryMs()) +
          // With an id only for a client that has none: it would skip what it missed.
          frame('hello', { newest_id: newestId(), time: timeNow() }, lastId === undefined ? newestId() : undefined) +
          resumeText(lastId, channel),
      )
      res.once('close', () => {
        clients--
        channel.leave(reader)
        if (channel.readers.size === 0) channels.delete(idOf(filter))
        if (clients > 0) return
        stopTimers()
        linger = setTimeout(stop, times.lingerMs)
        linger.unref()
      })
    },
    close() {
      clearTimeout(linger)
      each(channel => {
        channel.flush()
        for (const reader of channel.readers) reader.end(retry(retryMs()) + frame('bye', { reason: 'shutdown' }))
      })
      stop()
    },
  }
}

const frameOf = (entry: StreamEntry, id: string): string =>
  isOutcome(entry) ? frame('outcome', entry, id) : frame('attempt', entry, id)

/** An outcome with the names of its attempt. */
function streamOutcome({ outcome, attempt, counts, nowMs }: OutcomeRecord): StreamOutcome {
  const { agent_name, model_name, issue_type } = attempt
  const timestamp = outcome.timestamp ?? printTimestamp({ ms: nowMs, local: false })
  return { ...outcome, timestamp, agent_name, model_name, issue_type, counts }
}

/** Equal for filters of the same names. */
const idOf = ({ agent_name, model_name, issue_type }: KeyFilter): string =>
  JSON.stringify([agent_name ?? null, model_name ?? null, issue_type ?? null])

const newEpoch = (): string => randomBytes(6).toString('hex')

/** Spread, so that all clients of a sidecar that restarts do not come back at once. */
const retryMs = (): number => RETRY_MS.least + Math.random() * RETRY_MS.spread
