/** Reads groups of the log. */
import type { FoundAttempt, Kept, Position } from '../../core/log.ts'
import { findAttempt } from '../shared/find.ts'
import type { GroupSource, StoredGroup } from '../shared/page.ts'
import { sequenceOf } from '../shared/position.ts'
import type { LogEnds } from '../shared/reach.ts'
import type { Connection } from './connection.ts'

/** A group as it is read back. */
export interface ReadGroup extends Kept {
  readonly writer: string
  readonly number: number
  readonly records: string
}

/** Why the log does not continue a position. */
export interface Gone {
  readonly isTruncated: boolean
  readonly detail: string
}

export interface Groups extends GroupSource {
  /** The position of the newest group. */
  end(): Promise<Position>
  ends(): Promise<LogEnds>
  /** The group of a sequence. Undefined if there is none. */
  at(sequence: number): Promise<{ readonly after: Position; readonly records: string } | undefined>
  /** Some groups behind a sequence, oldest first. */
  after(sequence: number): Promise<ReadGroup[]>
  /** Undefined where the log continues the position. */
  whyGone(position: Position): Promise<Gone | undefined>
  /** The number of a writer's newest group, and its position where it has not expired. */
  ofWriter(writer: string): Promise<{ readonly number: number; readonly kept: Kept | undefined }>
  find(attemptId: string): Promise<FoundAttempt | undefined>
  leaveOut(sequence: number, places: readonly number[]): Promise<void>
}

/** Groups of one read. */
const READ_GROUPS = 50

interface Row {
  readonly seq: string
  readonly chain: string
  readonly before_chain: string
  readonly writer: string
  readonly number: string
  readonly records: string
}

export function createGroups({ query }: Connection, schema: string): Groups {
  const columns = 'seq, chain, before_chain, writer, number, records'

  async function listed(rows: readonly { readonly seq: string; readonly records: string }[]): Promise<StoredGroup[]> {
    const sequences = rows.map(({ seq }) => seq)
    const found = await query<{ seq: string; place: number }>(
      `select seq, place from ${schema}.repeats where seq = any($1::bigint[])`,
      [sequences],
    )
    return rows.map(({ seq, records }) => ({
      sequence: Number(seq),
      records,
      repeats: found.filter(one => one.seq === seq).map(({ place }) => place),
    }))
  }

  async function bounds(): Promise<{ first: number; last: number }> {
    const [row] = await query<{ first: string; last: string }>(
      `select greatest(first, reset_at + 1) as first, last from ${schema}.head`,
    )
    return { first: Number(row!.first), last: Number(row!.last) }
  }

  return {
    bounds,
    async groups(from, order) {
      const [test, direction] = order === 'newest' ? ['<=', 'desc'] : ['>=', 'asc']
      return await listed(
        await query(
          `select seq, records from ${schema}.log where seq ${test} $1 order by seq ${direction} limit ${READ_GROUPS}`,
          [from],
        ),
      )
    },
    async end() {
      const [row] = await query<{ last: string; chain: string }>(`select last, chain from ${schema}.head`)
      return `${row!.last}:${row!.chain}`
    },
    async ends() {
      const [row] = await query<{ first: string; first_chain: string; reset_at: string }>(
        `select first, first_chain, reset_at from ${schema}.head`,
      )
      const first = Number(row!.first)
      return { first, beforeFirst: `${first - 1}:${row!.first_chain}`, resetAt: Number(row!.reset_at) }
    },
    async at(sequence) {
      const [row] = await query<Pick<Row, 'before_chain' | 'records'>>(
        `select before_chain, records from ${schema}.log where seq = $1`,
        [sequence],
      )
      return row && { after: `${sequence - 1}:${row.before_chain}`, records: row.records }
    },
    async after(sequence) {
      const rows = await query<Row>(
        `select ${columns} from ${schema}.log where seq > $1 order by seq limit ${READ_GROUPS}`,
        [sequence],
      )
      return rows.map(({ seq, chain, before_chain, number, ...row }) => ({
        ...row,
        number: Number(number),
        position: `${seq}:${chain}`,
        after: `${Number(seq) - 1}:${before_chain}`,
      }))
    },
    async whyGone(position) {
      const sequence = sequenceOf(position)
      const [row] = await query<{
        first: string
        first_chain: string
        last: string
        chain: string
        found: string | null
      }>(
        `select first, first_chain, last, chain, (select l.chain from ${schema}.log l where seq = $1) as found from ${schema}.head`,
        [sequence],
      )
      const { first, first_chain, last, chain, found } = row!
      if ([`${last}:${chain}`, `${Number(first) - 1}:${first_chain}`, `${sequence}:${found}`].includes(position))
        return undefined
      const isTruncated = sequence < Number(first)
      return {
        isTruncated,
        detail: isTruncated
          ? `the groups up to ${Number(first) - 1} have expired`
          : `the log has ${found === null ? 'no group' : `${sequence}:${found}`} instead of ${position}`,
      }
    },
    async ofWriter(writer) {
      const [row] = await query<{ number: string; seq: string | null; chain: string; before_chain: string }>(
        `select w.number, l.seq, l.chain, l.before_chain from ${schema}.writers w
         left join ${schema}.log l on l.writer = w.writer and l.number = w.number where w.writer = $1 order by l.seq desc limit 1`,
        [writer],
      )
      if (row === undefined) return { number: 0, kept: undefined }
      const { number, seq, chain, before_chain } = row
      const kept =
        seq === null ? undefined : { position: `${seq}:${chain}`, after: `${Number(seq) - 1}:${before_chain}` }
      return { number: Number(number), kept }
    },
    async find(attemptId) {
      const text = JSON.stringify(attemptId)
      return await findAttempt(attemptId, await bounds(), async from =>
        listed(
          await query(
            `select seq, records from ${schema}.log where seq <= $1 and strpos(records, $2) > 0 order by seq desc limit ${READ_GROUPS}`,
            [from, text],
          ),
        ),
      )
    },
    async leaveOut(sequence, places) {
      await query(`insert into ${schema}.repeats select $1, unnest($2::int[]) on conflict do nothing`, [
        sequence,
        places,
      ])
      await query(`delete from ${schema}.attempt_rows where seq = $1 and place = any($2::int[])`, [sequence, places])
    },
  }
}
