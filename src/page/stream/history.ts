/** The latest attempts and outcomes of the stream, from which a client resumes after a lost connection. */
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import type { StreamOutcome } from '../../core/events.ts'

/** What is numbered, and can be resumed from. */
export type StreamEntry = AgentAttempt | StreamOutcome

export const isOutcome = (entry: StreamEntry): entry is StreamOutcome => 'counts' in entry

export interface History {
  /** The sequence of the latest entry: entries are numbered from 1 on. */
  readonly newest: number
  add(entry: StreamEntry): void
  /** The entries after a sequence, in order, without gaps. Undefined if some of them were removed. */
  after(sequence: number): readonly StreamEntry[] | undefined
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
  let entries: StreamEntry[] = []
  let sizes: number[] = []
  /** Where the oldest entry is in `entries`: the ones before it are removed now and then, not one by one. */
  let first = 0
  let characters = 0
  let newest = 0

  function removeOldest(): void {
    characters -= sizes[first++]!
    if (first < limits.attempts) return
    entries = entries.slice(first)
    sizes = sizes.slice(first)
    first = 0
  }

  return {
    get newest() {
      return newest
    },
    add(entry) {
      const size = sizeOf(entry)
      newest++
      entries.push(entry)
      sizes.push(size)
      characters += size
      while (entries.length - first > limits.attempts || characters > limits.characters) removeOldest()
    },
    after(sequence) {
      const missed = newest - sequence
      if (missed > entries.length - first) return undefined
      return entries.slice(entries.length - missed)
    },
    clear() {
      entries = []
      sizes = []
      first = 0
      characters = 0
    },
  }
}

/** About the characters of an event without its texts: names, quotes, numbers, times. */
const REST_SIZE = 300

function sizeOf(entry: StreamEntry): number {
  let size = REST_SIZE
  for (const value of Object.values<unknown>(entry as unknown as Record<string, unknown>))
    if (typeof value === 'string') size += value.length
  return size
}
