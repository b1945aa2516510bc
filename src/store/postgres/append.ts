/** The statement that appends a group: one round trip, and nothing installed on the server. */

export interface AppendOptions {
  /** Whether attempts are stored as rows too. */
  readonly rows: boolean
  /** Whether the group may only become the first of the log. */
  readonly isFirst?: boolean
}

/**
 * `$1` writer, `$2` number, `$3` whether it is a reset, `$4` records. No row: the writer's last number is not `$2 - 1`.
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

/** JSON of PostgreSQL cannot hold U+0000 as text. Rows show U+0001 in its place; the log keeps it. */
function rowsText(schema: string): string {
  const field = (name: string, type: string): string => `(r.value -> 2 ->> '${name}')::${type}`
  return `, r as (
  insert into ${schema}.attempt_rows
  select l.seq, r.place - 1, l.kept_at, ${field('timestamp', 'timestamptz')},
    ${field('agent_name', 'text')}, ${field('model_name', 'text')}, ${field('issue_type', 'text')},
    ${field('success', 'boolean')}, ${field('confidence', 'float8')}, ${field('time_seconds', 'float8')},
    ${field('attempt_id', 'text')}, ${field('error_type', 'text')}, ${field('experiment', 'text')}, ${field('variant', 'text')},
    ${field('input_tokens', 'bigint')}, ${field('output_tokens', 'bigint')},
    ${field('cache_read_tokens', 'bigint')}, ${field('cache_write_tokens', 'bigint')}, ${field('cost_usd', 'float8')}
  from l cross join lateral json_array_elements(
    ('[' || replace(replace(rtrim($4, E'\\n'), E'\\n', ','), '\\u0000', '\\u0001') || ']')::json
  ) with ordinality as r (value, place)
  where r.value -> 2 ->> 'agent_name' is not null
)`
}
