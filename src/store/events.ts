/**
 * Events of recorded attempts. After records are durable and folded, listeners receive them in the order of the log. A listener never delays an
 * append: while it is busy, records are buffered up to a bound. Beyond the bound they are only counted by key.
 */
import { type AttemptKey, keyId } from '../core/attempt/attempt.ts'
import type { KeptEvent, KeptEvents, KeptListener, KeptSummary } from '../core/events.ts'
import type { LogRecord } from '../core/fold.ts'

/** The records of one group. They are only created if there is a listener. */
export interface KeptBatch {
  readonly own: boolean
  records(): readonly LogRecord[]
}

/** How much is buffered for a busy listener. */
export interface EventBounds {
  readonly records: number
  readonly keys: number
}

export const EVENT_BOUNDS: EventBounds = { records: 2048, keys: 100 }

export interface EventPublisher extends KeptEvents {
  publish(batch: KeptBatch): void
  publishReload(): void
}

export function createEvents(onError: (error: unknown) => void, bounds: EventBounds = EVENT_BOUNDS): EventPublisher {
  const subscribers = new Set<Subscriber>()
  return {
    subscribe(listener) {
      const subscriber = createSubscriber(listener, bounds, onError)
      subscribers.add(subscriber)
      return () => {
        subscriber.close()
        subscribers.delete(subscriber)
      }
    },
    publish(batch) {
      if (subscribers.size === 0) return
      const { own } = batch
      const records = batch.records()
      for (const subscriber of subscribers) subscriber.notify({ kind: 'kept', own, records })
    },
    publishReload() {
      for (const subscriber of subscribers) subscriber.notify({ kind: 'reloaded' })
    },
  }
}

interface Subscriber {
  notify(event: Exclude<KeptEvent, KeptSummary>): void
  close(): void
}

function createSubscriber(listener: KeptListener, bounds: EventBounds, onError: (error: unknown) => void): Subscriber {
  let waiting: KeptEvent[] = []
  let records = 0
  let summary: GatheredSummary | undefined
  let isBusy = false
  let isClosed = false

  function next(): KeptEvent | undefined {
    const event = waiting.shift()
    if (event !== undefined) {
      if (event.kind === 'kept') records -= event.records.length
      return event
    }
    const gathered = summary?.end()
    summary = undefined
    return gathered
  }

  async function run(): Promise<void> {
    isBusy = true
    for (let event = next(); event !== undefined && !isClosed; event = next()) {
      try {
        await listener(event)
      } catch (error) {
        onError(error)
      }
    }
    isBusy = false
  }

  return {
    notify(event) {
      if (event.kind === 'reloaded') {
        // Events that it did not receive are part of the state that it reads now.
        waiting = [event]
        records = 0
        summary = undefined
      } else if (summary !== undefined || records + event.records.length > bounds.records) {
        summary ??= createSummary(bounds.keys)
        summary.add(event.own, event.records)
      } else {
        waiting.push(event)
        records += event.records.length
      }
      // Later, so that the append is answered first.
      if (!isBusy) queueMicrotask(() => void (isBusy || run()))
    },
    close() {
      isClosed = true
      waiting = []
      summary = undefined
    },
  }
}

interface GatheredSummary {
  add(own: boolean, records: readonly LogRecord[]): void
  end(): KeptSummary
}

function createSummary(maxKeys: number): GatheredSummary {
  const keys = new Map<string, AttemptKey>()
  const counts = { attempts: 0, own: 0, others: 0 }
  let isComplete = true

  function addKey({ agent_name, model_name, issue_type }: AttemptKey): void {
    const id = keyId({ agent_name, model_name, issue_type })
    if (keys.has(id)) return
    if (keys.size < maxKeys) keys.set(id, { agent_name, model_name, issue_type })
    else isComplete = false
  }

  return {
    add(own, records) {
      for (const record of records) {
        if (record.kind !== 'attempt') {
          counts.others++
          continue
        }
        counts.attempts++
        if (own) counts.own++
        addKey(record.attempt)
      }
    },
    end: () => ({ kind: 'summary', ...counts, keys: [...keys.values()], isComplete }),
  }
}
