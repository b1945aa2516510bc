/**
 * The hub of the stream: it follows the events of kept attempts and hands them to the clients. It subscribes to the events only while there are
 * clients, and for a minute after the last one, so that attempts cost nothing without clients.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { matches } from '../../core/aggregate/key-index.ts'
import type { AttemptKey } from '../../core/attempt/attempt.ts'
import { printTimestamp } from '../../core/attempt/timestamp.ts'
import type { KeptEvent, KeptEvents, ResyncReason } from '../../core/events.ts'
import type { AttemptRecord, LogRecord, OutcomeRecord } from '../../core/fold.ts'
import type { KeyFilter } from '../../core/ports.ts'
import { type Channel, createChannel } from './channel.ts'
import { frame, retry } from './frames.ts'
import { createHistory, sentEvent } from './history.ts'
import { createReader } from './reader.ts'

/** In milliseconds. */
export interface StreamTimes {
  /** How often attempts are sent. With many clients less often, see {@link CLIENTS_PER_FLUSH}. */
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
  flushMs: 250,
  summaryMs: 1000,
  heartbeatMs: 15_000,
  slowMs: 30_000,
  lingerMs: 60_000,
}

/** Writes to a thousand clients four times a second would take 6 % of a core. Each further so many clients make the pause one `flushMs` longer. */
const CLIENTS_PER_FLUSH = 250

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

/** Longer than 60 lines: its functions share the channels, the history and the sequence. */
export function createStreamHub({ events, clock, monotonic, times = STREAM_TIMES }: StreamHubOptions): StreamHub {
  const channels = new Map<string, Channel>()
  const history = createHistory()
  /** Attempts of another epoch cannot be resumed: they are not in the history. */
  let epoch = newEpoch()
  let sequence = 0
  let unsubscribe: (() => void) | undefined
  let timers: NodeJS.Timeout[] = []
  let linger: NodeJS.Timeout | undefined
  let clients = 0
  let ticks = 0

  const timeNow = (): string => new Date(clock()).toISOString()
  const newestId = (): string => `${epoch}-${sequence}`

  function keep({ attempt }: AttemptRecord): void {
    const sent = sentEvent('attempt', attempt, epoch, ++sequence)
    history.add(sent)
    for (const channel of channels.values()) channel.add(sent, attempt)
  }

  function keepOutcome({ outcome, attempt, counts, nowMs }: OutcomeRecord): void {
    const { agent_name, model_name, issue_type } = attempt
    const timestamp = outcome.timestamp ?? printTimestamp({ ms: nowMs, local: false })
    const data = { ...outcome, timestamp, agent_name, model_name, issue_type, counts }
    const sent = sentEvent('outcome', data, epoch, ++sequence)
    history.add(sent)
    for (const channel of channels.values()) channel.addOutcome(sent)
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
    if (record.kind === 'attempt') keep(record)
    else if (record.kind === 'outcome') keepOutcome(record)
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
    timers = [setInterval(tick, times.flushMs), setInterval(check, times.heartbeatMs / 4)]
    for (const timer of timers) timer.unref()
  }

  /** Sends attempts, or attempts and summaries. */
  function tick(): void {
    ticks++
    each(({ readers }) => {
      for (const reader of readers) reader.checkPace()
    })
    if (ticks % Math.max(1, Math.round(times.summaryMs / times.flushMs)) === 0)
      each(channel => channel.summarize(timeNow()))
    else if (ticks % Math.ceil(clients / CLIENTS_PER_FLUSH) === 0) each(channel => channel.flush())
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
    const channel = channels.get(id) ?? createChannel(filter)
    channels.set(id, channel)
    return channel
  }

  /** The text that continues after `lastId`: the attempts since then, or a resync. */
  function resumeText(lastId: string | undefined, { filter }: Channel): string {
    if (lastId === undefined) return ''
    const [, of, number] = /^([\w]+)-(\d{1,15})$/.exec(lastId) ?? []
    const missed = of === epoch && Number(number) <= sequence ? history.after(Number(number)) : undefined
    if (missed === undefined) return frame('resync', { reason: 'unknown_id' }, newestId())
    return missed
      .filter(({ key }) => matches(key, filter))
      .map(sent => sent.frame())
      .join('')
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

/** Equal for filters of the same names. */
const idOf = ({ agent_name, model_name, issue_type }: KeyFilter): string =>
  JSON.stringify([agent_name ?? null, model_name ?? null, issue_type ?? null])

const newEpoch = (): string => randomBytes(6).toString('hex')

/** Spread, so that all clients of a sidecar that restarts do not come back at once. */
const retryMs = (): number => RETRY_MS.least + Math.random() * RETRY_MS.spread
