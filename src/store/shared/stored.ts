/** All stored records of a log that numbers its groups, for a copy of it. */
import { LogTruncated, type Position, type StoredRecords } from '../../core/log.ts'
import type { GroupSource } from './page.ts'
import { sequenceOf } from './position.ts'
import type { LogEnds } from './reach.ts'
import { readRecords } from './records.ts'

/** {@link Log.stored}. `ends` are those of the log now. */
export async function* storedRecords(
  source: Pick<GroupSource, 'groups'>,
  { first, resetAt }: Pick<LogEnds, 'first' | 'resetAt'>,
  until: Position,
): AsyncGenerator<StoredRecords> {
  const last = sequenceOf(until)
  for (let next = Math.max(first, resetAt); next <= last; ) {
    const groups = await source.groups(next, 'oldest')
    if (groups.length === 0) throw new LogTruncated(`the group ${next} has expired`)
    for (const { sequence, records, repeats } of groups) {
      if (sequence > last) return
      if (sequence !== next) throw new LogTruncated(`the groups ${next} to ${sequence - 1} have expired`)
      const all = readRecords(records)
      yield { records: repeats.length === 0 ? all : all.filter((_, place) => !repeats.includes(place)) }
      next++
    }
  }
}
