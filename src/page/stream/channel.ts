/** The clients of the stream that ask with the same filter. An event is serialized and encoded once for all of them. */

import { matches } from '../../core/aggregate/key-index.ts'
import type { AttemptKey } from '../../core/attempt/attempt.ts'
import { keyId } from '../../core/attempt/attempt.ts'
import type { StreamSummary } from '../../core/events.ts'
import type { KeyFilter } from '../../core/ports.ts'
import { runToCompletion, type Steps } from '../../core/steps.ts'
import type { RunYielding } from '../../lib/event-loop.ts'
import { type Encoded, encode, frame } from './frames.ts'
import { isOutcome, type StreamEntry } from './history.ts'
import type { Reader } from './reader.ts'

/** Keys that a summary names. */
const MAX_KEYS = 100
/** Characters of attempts that wait for the next flush. Beyond it they are sent at once. */
const MAX_WAITING = 256 * 1024

/** The least times between two writes to a client, in milliseconds. */
export interface Pauses {
  readonly flushMs: number
  readonly summaryMs: number
}

export interface Channel {
  readonly readers: ReadonlySet<Reader>
  readonly filter: KeyFilter
  join(reader: Reader): void
  leave(reader: Reader): void
  /** `event` is the text of its event. It is asked for only if the entry matches the filter. */
  add(entry: StreamEntry, event: () => string): void
  /** Records that are not attempts changed answers, or attempts that the channel did not see. */
  addOthers(keys?: readonly AttemptKey[]): void
  /** Sends the attempts that wait, and a summary, as far as their pauses are over. `time` is that of the summary. */
  tick(nowMs: number, time: string, pauses: Pauses): void
  /** Sends the attempts that wait. All writes of it have begun when it returns. */
  flush(): void
}

/** `run` spreads the writes to many clients over iterations of the event loop: a thousand at once take longer than 30 ms. */
export function createChannel(filter: KeyFilter, run: RunYielding): Channel {
  const readers = new Set<Reader>()
  let waiting = ''
  let changes = createChanges()
  let sending: Steps<void> | undefined
  let [flushedMs, summarizedMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]

  /** Writes to each client there is now. Clients that join later have what is sent here from the history. */
  function* sendSteps(to: readonly Reader[], write: (reader: Reader) => void): Steps<void> {
    for (const reader of to) {
      if (readers.has(reader)) write(reader)
      yield
    }
    sending = undefined
  }

  function send(write: (reader: Reader) => void): void {
    finishSending()
    sending = sendSteps([...readers], write)
    void run(sending)
  }

  function finishSending(): void {
    if (sending !== undefined) runToCompletion(sending)
  }

  function sendWaiting(): void {
    if (waiting === '') return
    const attempts = encode(waiting)
    waiting = ''
    send(reader => void reader.sendAttempts(attempts))
  }

  function sendSummary(summary: StreamSummary): void {
    const text = frame('summary', summary)
    // One write for both: with a thousand clients, the number of writes decides what they cost.
    const [all, alone]: [Encoded, Encoded] = [encode(waiting + text), encode(text)]
    waiting = ''
    send(reader => {
      if (!reader.sendAttempts(all)) reader.sendSummary(alone)
    })
  }

  return {
    readers,
    filter,
    join(reader) {
      // The reader receives what waits here from the history.
      sendWaiting()
      readers.add(reader)
    },
    leave: reader => void readers.delete(reader),
    add(entry, event) {
      if (!matches(entry, filter)) return
      waiting += event()
      if (isOutcome(entry) || entry.success === undefined) changes.addOthers([entry])
      else changes.add(entry, entry.success)
      if (waiting.length > MAX_WAITING) sendWaiting()
    },
    addOthers: (keys = []) => changes.addOthers(keys.filter(key => matches(key, filter))),
    tick(nowMs, time, pauses) {
      if (sending !== undefined) return
      const isFlushDue = nowMs - flushedMs >= pauses.flushMs
      if (!isFlushDue) return
      const summary = nowMs - summarizedMs >= pauses.summaryMs ? changes.end(time) : undefined
      if (summary === undefined && waiting === '') return
      flushedMs = nowMs
      if (summary === undefined) return sendWaiting()
      summarizedMs = nowMs
      changes = createChanges()
      sendSummary(summary)
    },
    flush() {
      sendWaiting()
      finishSending()
    },
  }
}

interface Changes {
  add(key: AttemptKey, success: boolean): void
  addOthers(keys: readonly AttemptKey[]): void
  /** Undefined if nothing changed. */
  end(time: string): StreamSummary | undefined
}

function createChanges(): Changes {
  const keys = new Map<string, AttemptKey>()
  const counts = { attempts: 0, successes: 0 }
  let others = false
  let complete = true

  function addKey(key: AttemptKey): void {
    const id = keyId(key)
    if (keys.has(id)) return
    const { agent_name, model_name, issue_type } = key
    if (keys.size < MAX_KEYS) keys.set(id, { agent_name, model_name, issue_type })
    else complete = false
  }

  return {
    add(key, success) {
      counts.attempts++
      if (success) counts.successes++
      addKey(key)
    },
    addOthers(changed) {
      others = true
      for (const key of changed) addKey(key)
    },
    end(time) {
      if (counts.attempts === 0 && !others) return undefined
      return { time, ...counts, others, keys: [...keys.values()], complete }
    },
  }
}
