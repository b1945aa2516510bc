/** Looks up an attempt in the groups of a log, newest first, because its latest outcome follows it. */
import type { LogRecord, OutcomeRecord } from '../../core/fold.ts'
import type { FoundAttempt } from '../../core/log.ts'
import type { StoredGroup } from './page.ts'
import { readRecords } from './records.ts'

/** `groupsBefore` returns some groups that contain the id, newest first, from a sequence down to `first`. */
export async function findAttempt(
  attemptId: string,
  { first, last }: { readonly first: number; readonly last: number },
  groupsBefore: (from: number) => Promise<readonly StoredGroup[]>,
): Promise<FoundAttempt | undefined> {
  let outcome: OutcomeRecord | undefined
  for (let from = last; from >= first; ) {
    const groups = await groupsBefore(from)
    if (groups.length === 0) return undefined
    for (const group of groups) {
      if (group.sequence < first) return undefined
      for (const record of newestFirst(group)) {
        if (isOutcomeOf(record, attemptId)) outcome ??= record
        if (record.kind === 'attempt' && record.attempt.attempt_id === attemptId) return { attempt: record, outcome }
      }
      from = group.sequence - 1
    }
  }
  return undefined
}

function newestFirst({ records, repeats }: StoredGroup): LogRecord[] {
  return readRecords(records)
    .filter((_, place) => !repeats.includes(place))
    .reverse()
}

function isOutcomeOf(record: LogRecord, attemptId: string): record is OutcomeRecord {
  return record.kind === 'outcome' && record.outcome.attempt_id === attemptId
}
