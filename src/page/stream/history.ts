/** The latest attempts of the stream, from which a client resumes after a lost connection. */
import type { AttemptKey } from '../../core/attempt/attempt.ts'

/** An attempt as it was sent. */
export interface SentAttempt {
  readonly sequence: number
  readonly key: AttemptKey
  readonly frame: string
}

export interface History {
  add(attempt: SentAttempt): void
  /** The attempts after a sequence. Undefined if some of them were removed. */
  after(sequence: number): readonly SentAttempt[] | undefined
  clear(): void
}

export interface HistoryLimits {
  readonly attempts: number
  /** Characters of all frames. */
  readonly characters: number
}

export const HISTORY_LIMITS: HistoryLimits = { attempts: 1024, characters: 1024 * 1024 }

export function createHistory(limits: HistoryLimits = HISTORY_LIMITS): History {
  let sent: SentAttempt[] = []
  /** Where the oldest attempt is in `sent`: the ones before it are removed now and then, not one by one. */
  let first = 0
  let characters = 0
  /** The sequence of the last attempt that was removed. */
  let removed = 0

  function removeOldest(): void {
    const oldest = sent[first++]!
    characters -= oldest.frame.length
    removed = oldest.sequence
    if (first < limits.attempts) return
    sent = sent.slice(first)
    first = 0
  }

  return {
    add(attempt) {
      sent.push(attempt)
      characters += attempt.frame.length
      while (sent.length - first > limits.attempts || characters > limits.characters) removeOldest()
    },
    after(sequence) {
      if (sequence < removed) return undefined
      return sent.slice(first).filter(attempt => attempt.sequence > sequence)
    },
    clear() {
      removed = sent.at(-1)?.sequence ?? removed
      sent = []
      first = 0
      characters = 0
    },
  }
}
