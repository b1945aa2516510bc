/**
 * Events of kept attempts: after records are durable and folded, listeners are told in the log's order. A listener never delays an append: while
 * it is busy, records are gathered up to a bound, and beyond it only counted by key.
 */
import { type AttemptKey, keyId } from '../core/attempt/attempt.ts'
import type { LogRecord } from '../core/fold.ts'

/** What a listener is told. */
export type KeptEvent =
  /** Records that count, in order. */
  | { readonly kind: 'kept'; readonly own: boolean; readonly records: readonly LogRecord[] }
  /** More came than a busy listener is told one by one. */
  | KeptSummary
  /** State was read again from a snapshot: whatever a listener derived from events before is to be asked for again. */
  | { readonly kind: 'reloaded' }

export interface KeptSummary {
  readonly kind: 'summary'
  /** How many attempts were kept. */
  readonly attempts: number
  /** Of them those that this process appended. */
  readonly own: number
  /** Their keys, as far as there was room for them. */
  readonly keys: readonly AttemptKey[]
  /** Whether {@link keys} are all. */
  readonly isComplete: boolean
  /** How many other records there were: points, resets. */
  readonly others: number
}

/** Returns, or resolves, when it can be told more. What it throws or rejects with is logged, and it goes on being told. */
export type KeptListener = (event: KeptEvent) => void | Promise<void>

/** Records of one group. They are only made where somebody listens. */
export interface KeptBatch {
  readonly own: boolean
  records(): readonly LogRecord[]
}

/** How much is gathered for a busy listener. */
export interface EventBounds {
  readonly records: number
  readonly keys: number
}

export const EVENT_BOUNDS: EventBounds = { records: 2048, keys: 100 }

export interface KeptEvents {
  /** Calls `listener` with everything that is kept from now on; answers a function that ends that. */
  subscribe(listener: KeptListener): () => void
}

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
      for (const subscriber of subscribers) subscriber.tell({ kind: 'kept', own, records })
    },
    publishReload() {
      for (const subscriber of subscribers) subscriber.tell({ kind: 'reloaded' })
    },
  }
}

interface Subscriber {
  tell(event: Exclude<KeptEvent, KeptSummary>): void
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
    tell(event) {
      if (event.kind === 'reloaded') {
        // Whatever it was not told of is part of what it asks for now.
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
      // In a later turn: an append is answered first.
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
