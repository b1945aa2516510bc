/** Keeps the attempts of a stream of lines. */
import { addLines, emptyGroup, isFull, readerOf } from './line-group.ts'
import type { LineSink } from './line-sink.ts'
import { keep, type ReceiveOptions } from './receiving.ts'

export function createAttemptLines(options: Pick<ReceiveOptions, 'keeper' | 'counts'>): LineSink {
  let group = emptyGroup()
  const kept = { accepted: 0, duplicates: 0 }
  return {
    noun: 'an attempt',
    get size() {
      return group.attempts.length
    },
    get isFull() {
      return isFull(group)
    },
    get heldBytes() {
      return group.heldBytes
    },
    get dueMs() {
      return group.dueMs
    },
    reader(lines) {
      const read = readerOf(lines)
      return from => addLines(group, lines, from, read)
    },
    rejected: count => options.counts.rejected(count),
    async flush() {
      const { accepted, duplicates } = await keep(group.attempts, group, options)
      kept.accepted += accepted
      kept.duplicates += duplicates
      group = emptyGroup()
    },
    answer: () => ({ ...kept }),
  }
}
