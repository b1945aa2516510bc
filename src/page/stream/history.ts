/** The latest attempts and outcomes of the stream, from which a client resumes after a lost connection. */
import type { AttemptKey } from '../../core/attempt/attempt.ts'
import type { StreamEvents } from '../../core/events.ts'
import { frame } from './frames.ts'

/** An attempt or an outcome with its place in the stream. */
export interface SentEvent {
  readonly sequence: number
  readonly key: AttemptKey
  /** About the characters of {@link frame}. */
  readonly size: number
  /** The text of its event. Serialized when a client first needs it: most attempts may pass no filter. */
  frame(): string
}

export function sentEvent<Name extends 'attempt' | 'outcome'>(
  name: Name,
  data: StreamEvents[Name],
  epoch: string,
  sequence: number,
): SentEvent {
  const { agent_name, model_name, issue_type }: AttemptKey = data
  let text: string | undefined
  return {
    sequence,
    key: { agent_name, model_name, issue_type },
    size: Object.values<unknown>(data as unknown as Record<string, unknown>).reduce(
      (sum: number, value) => sum + (typeof value === 'string' ? value.length : 0) + FIELD_SIZE,
      0,
    ),
    frame() {
      text ??= frame(name, data, `${epoch}-${sequence}`)
      return text
    },
  }
}

/** About the characters of a field without its text: its name, quotes, and a number. */
const FIELD_SIZE = 24

export interface History {
  add(event: SentEvent): void
  /** The events after a sequence. Undefined if some of them were removed. */
  after(sequence: number): readonly SentEvent[] | undefined
  clear(): void
}

export interface HistoryLimits {
  readonly attempts: number
  /** Characters of all events, about. */
  readonly characters: number
}

export const HISTORY_LIMITS: HistoryLimits = { attempts: 1024, characters: 1024 * 1024 }

export function createHistory(limits: HistoryLimits = HISTORY_LIMITS): History {
  let sent: SentEvent[] = []
  /** Where the oldest event is in `sent`: the ones before it are removed now and then, not one by one. */
  let first = 0
  let characters = 0
  /** The sequence of the last event that was removed. */
  let removed = 0

  function removeOldest(): void {
    const oldest = sent[first++]!
    characters -= oldest.size
    removed = oldest.sequence
    if (first < limits.attempts) return
    sent = sent.slice(first)
    first = 0
  }

  return {
    add(event) {
      sent.push(event)
      characters += event.size
      while (sent.length - first > limits.attempts || characters > limits.characters) removeOldest()
    },
    after(sequence) {
      if (sequence < removed) return undefined
      return sent.slice(first).filter(event => event.sequence > sequence)
    },
    clear() {
      removed = sent.at(-1)?.sequence ?? removed
      sent = []
      first = 0
      characters = 0
    },
  }
}
