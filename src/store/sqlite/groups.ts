/** The groups of the table `log`, in the worker thread. */
import type { Kept, Position } from '../../core/log.ts'
import { type Gone, READ_GROUPS, type ReadGroup, whyGone } from '../shared/groups.ts'
import type { StoredGroup } from '../shared/page.ts'
import { nextPosition, START, sequenceOf } from '../shared/position.ts'
import type { LogEnds } from '../shared/reach.ts'
import type { Statements } from './statements.ts'

export interface AppendRequest {
  readonly writer: string
  readonly number: number
  readonly isReset: boolean
  /** Whether the group may only become the first of the log. */
  readonly isFirst: boolean
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly keptMs: number
  readonly records: Uint8Array
}

/** `behind`: the number of the writer's newest group, which the appended one does not follow. */
export type AppendResult = { readonly kept: Kept } | { readonly behind: number } | { readonly isNotEmpty: true }

/** {@link SharedGroups}, synchronous. */
export interface GroupTable {
  append(group: AppendRequest): AppendResult
  end(): Position
  bounds(): { readonly first: number; readonly last: number }
  ends(): LogEnds
  at(sequence: number): { readonly after: Position; readonly records: string } | undefined
  after(sequence: number): ReadGroup[]
  groups(from: number, order: 'newest' | 'oldest'): StoredGroup[]
  select(sequences: readonly number[]): StoredGroup[]
  whyGone(position: Position): Gone | undefined
  leaveOut(sequence: number, places: readonly number[]): void
}

export interface EndsRow {
  readonly position: string
  readonly first: number
  readonly before_first: string
  readonly reset_at: number
  readonly bytes: number
}

/** The ends of the log, as its head states them. */
export function readEnds({ get }: Pick<Statements, 'get'>): EndsRow {
  return get<EndsRow>('select position, first, before_first, reset_at, bytes from head')!
}

interface ListedRow {
  readonly sequence: number
  readonly records: string
}

export function createGroupTable(statements: Statements): GroupTable {
  const { get, all, run, inTransaction } = statements

  function listed(rows: readonly ListedRow[]): StoredGroup[] {
    const repeats = (sequence: number): number[] =>
      all<{ place: number }>('select place from repeats where sequence = ?', sequence).map(({ place }) => place)
    return rows.map(row => ({ ...row, repeats: repeats(row.sequence) }))
  }

  return {
    append: group => inTransaction(() => append(statements, group)),
    end: () => readEnds(statements).position,
    bounds() {
      const { position, first, reset_at } = readEnds(statements)
      return { first: Math.max(first, reset_at + 1), last: sequenceOf(position) }
    },
    ends() {
      const { first, before_first, reset_at } = readEnds(statements)
      return { first, beforeFirst: before_first, resetAt: reset_at }
    },
    at: sequence => get('select after, records from log where sequence = ?', sequence),
    after: sequence =>
      all(
        'select position, after, writer, number, records from log where sequence > ? order by sequence limit ?',
        sequence,
        READ_GROUPS,
      ),
    groups: (from, order) =>
      listed(
        all(
          order === 'newest'
            ? 'select sequence, records from log where sequence <= ? order by sequence desc limit ?'
            : 'select sequence, records from log where sequence >= ? order by sequence limit ?',
          from,
          READ_GROUPS,
        ),
      ),
    select: sequences =>
      listed(
        sequences.flatMap(
          sequence => get<ListedRow>('select sequence, records from log where sequence = ?', sequence) ?? [],
        ),
      ),
    whyGone(position) {
      const { first, before_first, position: last } = readEnds(statements)
      const found = get<{ position: string }>('select position from log where sequence = ?', sequenceOf(position))
      return whyGone(position, { first, beforeFirst: before_first, last, found: found?.position })
    },
    leaveOut(sequence, places) {
      inTransaction(() => {
        for (const place of places) run('insert or ignore into repeats values (?, ?)', sequence, place)
      })
    },
  }
}

function append(statements: Statements, group: AppendRequest): AppendResult {
  const { writer } = group
  const known = statements.get<{ number: number } & Kept>(
    'select number, position, after from writers where writer = ?',
    writer,
  )
  const number = known?.number ?? 0
  if (known !== undefined && group.number === number) return { kept: { position: known.position, after: known.after } }
  if (group.number !== number + 1) return { behind: number }
  if (group.isFirst && readEnds(statements).position !== START) return { isNotEmpty: true }
  return { kept: insert(statements, group) }
}

function insert(statements: Statements, { writer, number, isReset, keptMs, records }: AppendRequest): Kept {
  const { run } = statements
  const after = readEnds(statements).position
  const position = nextPosition(after, writer, number)
  const sequence = sequenceOf(position)
  // Bytes, which become text in SQLite: it stores UTF-8, and a string would be decoded here and encoded again.
  run(
    'insert into log values (?, ?, ?, ?, ?, ?, cast(? as text))',
    sequence,
    position,
    after,
    writer,
    number,
    keptMs,
    records,
  )
  run('update head set position = ?, bytes = bytes + ?', position, records.byteLength)
  if (isReset) run('update head set reset_at = ?', sequence)
  run('insert or replace into writers values (?, ?, ?, ?, ?)', writer, number, position, after, keptMs)
  return { position, after }
}
