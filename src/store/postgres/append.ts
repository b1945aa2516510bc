/** The statement that appends a group: one round trip, and nothing installed on the server. */
import { recordsText } from '../shared/records.ts'

export interface AppendOptions {
  /** Whether attempts are stored as rows too. */
  readonly rows: boolean
  /** Whether the group may only become the first of the log. */
  readonly isFirst?: boolean
}

/**
 * `$1` writer, `$2` number, `$3` whether it is a reset, `$4` records, `$5` their values if attempts are stored as rows. No row: the writer's last number is not `$2 - 1`.
 *
 * The update of `head` is held until the commit, so that commits follow each other in the order of `last`, without gaps. The condition on
 * `writers` is evaluated again after waiting for a lock. A search for the group in `log` would not be: its snapshot is older than the wait.
 */
export function appendText(schema: string, { rows, isFirst = false }: AppendOptions): string {
  const empty = isFirst ? `e as (select last from ${schema}.head for update), ` : ''
  return `
with ${empty}w as (
  update ${schema}.writers set number = $2, seen = now()${isFirst ? ' from e' : ''}
  where writer = $1 and number = $2::bigint - 1${isFirst ? ' and e.last = 0' : ''} returning writer
), h as (
  update ${schema}.head set
    last = last + 1,
    before_chain = chain,
    chain = md5(chain || $1::text || $2::text),
    reset_at = case when $3::boolean then last + 1 else reset_at end
  from w returning last, chain, before_chain
), l as (
  insert into ${schema}.log
  select last, clock_timestamp(), $1, $2, chain, before_chain, $4 from h
  returning seq, kept_at, chain, before_chain
)${rows ? rowsText(schema) : ''}
select seq::text as seq, chain, before_chain from l`
}

const COLUMNS = [
  ['timestamp', 'timestamptz'],
  ['agent_name', 'text'],
  ['model_name', 'text'],
  ['issue_type', 'text'],
  ['success', 'boolean'],
  ['confidence', 'float8'],
  ['time_seconds', 'float8'],
  ['attempt_id', 'text'],
  ['error_type', 'text'],
  ['experiment', 'text'],
  ['variant', 'text'],
  ['input_tokens', 'bigint'],
  ['output_tokens', 'bigint'],
  ['cache_read_tokens', 'bigint'],
  ['cache_write_tokens', 'bigint'],
  ['cost_usd', 'float8'],
] as const

/** The attempts of all records are read by one function: the operator `->>` would parse a record again for each of its fields. */
function rowsText(schema: string): string {
  const names = COLUMNS.map(([name]) => name).join(', ')
  return `, r as (
  insert into ${schema}.attempt_rows
  select l.seq, a.place - 1, l.kept_at, ${names}
  from l cross join rows from (
    json_to_recordset($5::json) as (${COLUMNS.map(column => column.join(' ')).join(', ')})
  ) with ordinality as a (${names}, place)
  where agent_name is not null
)`
}

/**
 * The records of a group as one JSON array, for `$5`. JSON of PostgreSQL cannot hold U+0000 as text: rows show U+0001 in its place, and the log
 * keeps it.
 */
export const valuesOf = (lines: string): string => recordsText(lines).replaceAll('\\u0000', '\\u0001')
