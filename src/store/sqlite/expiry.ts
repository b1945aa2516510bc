/** Deletes groups beyond the retention that two snapshots cover, and writers that are not needed any more, in the worker thread. */
import type { ForgetBefore } from '../shared/writers.ts'
import { readEnds } from './groups.ts'
import type { Statements } from './statements.ts'

export interface Expiry {
  /** Groups stored before this time are too old, in milliseconds since the epoch. */
  readonly cutoffMs: number
  readonly maxBytes: number
  readonly writers: SeenWriters
}

export interface SeenWriters {
  /** The writer that is seen now, if it has appended. */
  readonly own: string
  readonly nowMs: number
  readonly forget: Pick<ForgetBefore, 'expiredMs'>
}

/** Groups that are deleted in one transaction. */
const DELETED_GROUPS = 200

/** True if another snapshot would allow deleting more. */
export function expire(statements: Statements, expiry: Expiry): boolean {
  const wanted = expirable(statements, expiry)
  const covered = statements.get<{ sequence: number }>(
    'select sequence from snapshots where complete = 1 order by sequence desc, id desc limit 1 offset 1',
  )
  const until = Math.min(wanted, covered?.sequence ?? 0)
  while (readEnds(statements).first <= until) statements.inTransaction(() => deleteOldest(statements, until))
  statements.inTransaction(() => forgetWriters(statements, expiry.writers))
  return wanted > until
}

function forgetWriters({ run }: Statements, { own, nowMs, forget }: SeenWriters): void {
  run('update writers set seen_ms = ? where writer = ?', nowMs, own)
  // A position begins with its sequence.
  const expired = 'cast(position as integer) < (select first from head)'
  run(`delete from writers where seen_ms < ? and ${expired}`, forget.expiredMs)
}

/** The sequence up to which groups are too old, beyond the size, or reset. */
function expirable(statements: Statements, { cutoffMs, maxBytes }: Expiry): number {
  const { reset_at, first, bytes } = readEnds(statements)
  const old = statements.get<{ sequence: number | null }>(
    'select max(sequence) as sequence from log where kept_ms < ?',
    cutoffMs,
  )
  return Math.max(old?.sequence ?? 0, beyondSize(statements, first, bytes - maxBytes), reset_at - 1)
}

/** The sequence up to which groups hold at least `excess` bytes. 0 without an excess. */
function beyondSize({ all }: Statements, first: number, excess: number): number {
  let rest = excess
  let beyond = 0
  const sized =
    'select sequence, octet_length(records) as bytes from log where sequence >= ? order by sequence limit 1000'
  for (let from = first; rest > 0; from = beyond + 1) {
    const rows = all<{ sequence: number; bytes: number }>(sized, from)
    if (rows.length === 0) break
    for (const row of rows) {
      if (rest <= 0) break
      rest -= row.bytes
      beyond = row.sequence
    }
  }
  return beyond
}

function deleteOldest({ all, run }: Statements, until: number): void {
  const rows = all<{ sequence: number; position: string; bytes: number }>(
    'select sequence, position, octet_length(records) as bytes from log where sequence <= ? order by sequence limit ?',
    until,
    DELETED_GROUPS,
  )
  const last = rows.at(-1)!
  run('delete from log where sequence <= ?', last.sequence)
  run('delete from repeats where sequence <= ?', last.sequence)
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
  run('update head set first = ?, before_first = ?, bytes = bytes - ?', last.sequence + 1, last.position, bytes)
}
