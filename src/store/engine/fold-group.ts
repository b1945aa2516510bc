/** Folds a group that was read from the log. */
import { apply, type FoldState, type LogRecord } from '../../core/fold.ts'
import type { KeptGroup, Log } from '../../core/log.ts'

/** Folds the records in order, and marks duplicates in the log. Returns the records that changed the state. */
export function foldGroup(log: Pick<Log, 'leaveOut'>, state: FoldState, group: KeptGroup): LogRecord[] {
  const counted: LogRecord[] = []
  const repeats: number[] = []
  for (const [place, record] of group.records.entries()) {
    if (apply(state, record)) counted.push(record)
    else if (record.kind === 'attempt' || record.kind === 'outcome') repeats.push(place)
  }
  if (repeats.length > 0) log.leaveOut(group.position, repeats)
  return counted
}
