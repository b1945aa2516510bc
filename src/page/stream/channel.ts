/** The clients of the stream that ask with the same filter. An event is serialized and encoded once for all of them. */

import { matches } from '../../core/aggregate/key-index.ts'
import type { AgentAttempt, AttemptKey } from '../../core/attempt/attempt.ts'
import { keyId } from '../../core/attempt/attempt.ts'
import type { StreamSummary } from '../../core/events.ts'
import type { KeyFilter } from '../../core/ports.ts'
import { frame } from './frames.ts'
import type { SentEvent } from './history.ts'
import type { Reader } from './reader.ts'

/** Keys that a summary names. */
const MAX_KEYS = 100
/** Characters of attempts that wait for the next flush. Beyond it they are sent at once. */
const MAX_WAITING = 256 * 1024

export interface Channel {
  readonly readers: ReadonlySet<Reader>
  readonly filter: KeyFilter
  join(reader: Reader): void
  leave(reader: Reader): void
  add(sent: SentEvent, attempt: AgentAttempt): void
  addOutcome(sent: SentEvent): void
  /** Records that are not attempts changed answers, or attempts that the channel did not see. */
  addOthers(keys?: readonly AttemptKey[]): void
  /** Sends the attempts that wait. */
  flush(): void
  /** Sends the attempts that wait and a summary, if anything changed since the last one. */
  summarize(time: string): void
}

export function createChannel(filter: KeyFilter): Channel {
  const readers = new Set<Reader>()
  let waiting = ''
  let changes = createChanges()

  function flush(): void {
    if (waiting === '') return
    const bytes = Buffer.from(waiting)
    waiting = ''
    for (const reader of readers) reader.sendAttempts(bytes)
  }

  return {
    readers,
    filter,
    join(reader) {
      // The reader receives what waits here from the history.
      flush()
      readers.add(reader)
    },
    leave: reader => void readers.delete(reader),
    add(sent, attempt) {
      if (!matches(sent.key, filter)) return
      waiting += sent.frame()
      if (attempt.success === undefined) changes.addOthers([sent.key])
      else changes.add(sent.key, attempt.success)
      if (waiting.length > MAX_WAITING) flush()
    },
    addOutcome(sent) {
      if (!matches(sent.key, filter)) return
      waiting += sent.frame()
      changes.addOthers([sent.key])
      if (waiting.length > MAX_WAITING) flush()
    },
    addOthers: (keys = []) => changes.addOthers(keys.filter(key => matches(key, filter))),
    flush,
    summarize(time) {
      const summary = changes.end(time)
      if (summary === undefined) return
      changes = createChanges()
      const text = frame('summary', summary)
      // One write for both: with a thousand clients, the number of writes decides what they cost.
      const [all, bytes] = [Buffer.from(waiting + text), Buffer.from(text)]
      waiting = ''
      for (const reader of readers) if (!reader.sendAttempts(all)) reader.sendSummary(bytes)
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
    if (keys.size < MAX_KEYS) keys.set(id, key)
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
