/** The latest attempts of the stream, from which a client resumes after a lost connection. */
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import { FIELD_LIST } from '../../core/attempt/fields.ts'

export interface History {
  /** The sequence of the latest attempt: attempts are numbered from 1 on. */
  readonly newest: number
  add(attempt: AgentAttempt): void
  /** The attempts after a sequence, in order, without gaps. Undefined if some of them were removed. */
  after(sequence: number): readonly AgentAttempt[] | undefined
  clear(): void
}

export interface HistoryLimits {
  readonly attempts: number
  /** Characters of all events, about. */
  readonly characters: number
}

export const HISTORY_LIMITS: HistoryLimits = { attempts: 1024, characters: 1024 * 1024 }

/** Nothing is made for an attempt but its size: with a stream open, every attempt passes through here, also those that no client asks for. */
export function createHistory(limits: HistoryLimits = HISTORY_LIMITS): History {
  let attempts: AgentAttempt[] = []
  let sizes: number[] = []
  /** Where the oldest attempt is in `attempts`: the ones before it are removed now and then, not one by one. */
  let first = 0
  let characters = 0
  let newest = 0

  function removeOldest(): void {
    characters -= sizes[first++]!
    if (first < limits.attempts) return
    attempts = attempts.slice(first)
    sizes = sizes.slice(first)
    first = 0
  }

  return {
    get newest() {
      return newest
    },
    add(attempt) {
      const size = sizeOf(attempt)
      newest++
      attempts.push(attempt)
      sizes.push(size)
      characters += size
      while (attempts.length - first > limits.attempts || characters > limits.characters) removeOldest()
    },
    after(sequence) {
      const missed = newest - sequence
      if (missed > attempts.length - first) return undefined
      return attempts.slice(attempts.length - missed)
    },
    clear() {
      attempts = []
      sizes = []
      first = 0
      characters = 0
    },
  }
}

const TEXTS = FIELD_LIST.filter(({ kind }) => kind === 'string').map(({ name }) => name as keyof AgentAttempt)
/** About the characters of an event without its texts: names, quotes, numbers, times. */
const REST_SIZE = 300

function sizeOf(attempt: AgentAttempt): number {
  let size = REST_SIZE
  for (const name of TEXTS) {
    const value = attempt[name]
    if (typeof value === 'string') size += value.length
  }
  return size
}
