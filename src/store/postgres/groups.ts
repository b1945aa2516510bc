/** The groups of the table `log`. */
import { type Kept, LogBehind, LogNotEmpty, mustBeFirst } from '../../core/log.ts'
import { READ_GROUPS, type SharedGroups, whyGone } from '../shared/groups.ts'
import type { StoredGroup } from '../shared/page.ts'
import { sequenceOf } from '../shared/position.ts'
import { type Connection, sqlState } from './connection.ts'
import type { Insert } from './insert.ts'

interface Row {
  readonly seq: string
  readonly chain: string
  readonly before_chain: string
  readonly writer: string
  readonly number: string
  readonly records: string
}

/** `insert` has a connection of its own, so that reads do not wait for appends. */
export function createGroups({ query }: Connection, schema: string, insert: Insert): SharedGroups {
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

  /** The number of a writer's newest group, and its position where it has not expired. */
  async function ofWriter(writer: string): Promise<{ readonly number: number; readonly kept: Kept | undefined }> {
    const [row] = await query<{ number: string; seq: string | null; chain: string; before_chain: string }>(
      `select w.number, l.seq, l.chain, l.before_chain from ${schema}.writers w
       left join ${schema}.log l on l.writer = w.writer and l.number = w.number where w.writer = $1 order by l.seq desc limit 1`,
      [writer],
    )
    if (row === undefined) return { number: 0, kept: undefined }
    const { number, seq, chain, before_chain } = row
    return { number: Number(number), kept: seq === null ? undefined : keptOf({ seq, chain, before_chain }) }
  }

  return {
    async append(writer, group) {
      const inserted = await insert(writer, group)
      if (inserted !== undefined) return keptOf(inserted)
      // The writer's row counts the group already, or fewer than the group before it.
      const known = await ofWriter(writer)
      if (mustBeFirst(group) && known.number === 0) throw new LogNotEmpty()
      if (known.number !== group.number || known.kept === undefined) throw new LogBehind(known.number)
      return known.kept
    },
    isRefusal: error => sqlState(error) !== undefined,
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
        ...keptOf({ seq, chain, before_chain }),
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
      return whyGone(position, {
        first: Number(first),
        beforeFirst: `${Number(first) - 1}:${first_chain}`,
        last: `${last}:${chain}`,
        found: found === null ? undefined : `${sequence}:${found}`,
      })
    },
    async select(sequences) {
      return await listed(
        await query(`select seq, records from ${schema}.log where seq = any($1::bigint[]) order by seq`, [sequences]),
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

/** The position of a group, and the one before it. */
function keptOf({ seq, chain, before_chain }: Pick<Row, 'seq' | 'chain' | 'before_chain'>): Kept {
  return { position: `${seq}:${chain}`, after: `${Number(seq) - 1}:${before_chain}` }
}
