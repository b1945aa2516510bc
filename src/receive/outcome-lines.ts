/** Keeps the outcomes of a stream of lines. */
import type { Outcome } from '../core/fold.ts'
import { parseJson } from './json.ts'
import type { LineSink } from './line-sink.ts'
import { keepOutcomes, type OutcomeOptions, readOutcome } from './outcome-keeper.ts'

/** The limits of a group: outcomes, and how long its first line waits for others. */
const GROUP = { outcomes: 1000, ms: 50 }
/** Ids of unknown attempts that the answer names. A stream may have any length. */
const MAX_NAMED = 1000
/** Memory of one outcome without its note, roughly. */
const OUTCOME_BYTES = 512

export function createOutcomeLines(options: Pick<OutcomeOptions, 'keeper' | 'counts'>): LineSink {
  let group: Outcome[] = []
  let heldBytes = 0
  let dueMs = Number.POSITIVE_INFINITY
  const kept = { accepted: 0, duplicates: 0 }
  const unknown: string[] = []
  let moreUnknown = 0
  return {
    noun: 'an outcome',
    get size() {
      return group.length
    },
    get isFull() {
      return group.length >= GROUP.outcomes
    },
    get heldBytes() {
      return heldBytes
    },
    get dueMs() {
      return dueMs
    },
    reader({ bytes, starts, ends }) {
      return from => {
        const until = Math.min(starts.length, from + GROUP.outcomes - group.length)
        for (let i = from; i < until; i++) {
          const parsed = parseJson(bytes.subarray(starts[i], ends[i]))
          if (!parsed.ok) return { next: i, invalid: parsed }
          const read = readOutcome(parsed.value)
          if (read.outcome === undefined) return { next: i, invalid: read }
          if (group.length === 0) dueMs = performance.now() + GROUP.ms
          group.push(read.outcome)
          heldBytes += OUTCOME_BYTES + (read.outcome.note?.length ?? 0)
        }
        return { next: until }
      }
    },
    rejected: count => options.counts.outcomes('rejected', count),
    async flush() {
      const appended = await keepOutcomes(group, options)
      kept.accepted += appended.accepted
      kept.duplicates += appended.duplicates
      const named = appended.unknown.slice(0, MAX_NAMED - unknown.length)
      unknown.push(...named)
      moreUnknown += appended.unknown.length - named.length
      group = []
      heldBytes = 0
      dueMs = Number.POSITIVE_INFINITY
    },
    answer: () => ({ ...kept, unknown, ...(moreUnknown > 0 && { more_unknown: moreUnknown }) }),
  }
}
