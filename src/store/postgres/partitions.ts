/** One partition for each day of the log and of the attempts. */
import type { Connection } from './connection.ts'
import { SCHEMA_LOCK } from './migrate.ts'

const DAY_MS = 86_400_000
const PARTITIONED = ['log', 'attempt_rows'] as const

/** Makes the partitions of the day of `nowMs` and of the next one, by the server's clock. */
export async function makePartitions({ query }: Connection, schema: string, nowMs: number): Promise<void> {
  for (const day of [nowMs, nowMs + DAY_MS].map(dayOf))
    for (const table of PARTITIONED) await make(query, schema, table, day)
}

/**
 * Creates the table on its own and attaches it. Creating it as a partition would wait for open appends, and all other appends would wait
 * behind it. The lock makes sidecars that start at once do it one after the other.
 */
async function make(query: Connection['query'], schema: string, table: string, dayMs: number): Promise<void> {
  const name = `${schema}.${partitionName(table, dayMs)}`
  const bounds = `from ('${printDay(dayMs)}') to ('${printDay(dayMs + DAY_MS)}')`
  const [found] = await query<{ exists: boolean }>(`select ${isAttached(name)} as exists`)
  if (found!.exists) return
  await query(`do $partition$
begin
perform pg_advisory_xact_lock(${SCHEMA_LOCK});
if not ${isAttached(name)} then
create table if not exists ${name} (like ${schema}.${table} including defaults);
alter table ${schema}.${table} attach partition ${name} for values ${bounds};
end if;
end
$partition$`)
}

const isAttached = (name: string): string =>
  `exists (select 1 from pg_inherits where inhrelid = to_regclass('${name}'))`

/** The days, in milliseconds since the epoch, of the log's partitions, oldest first. */
export async function listDays({ query }: Connection, schema: string): Promise<number[]> {
  const rows = await query<{ name: string }>(
    'select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) order by 1',
    [`${schema}.log`],
  )
  return rows.map(({ name }) => Date.parse(`${name.slice(-8, -4)}-${name.slice(-4, -2)}-${name.slice(-2)}T00:00:00Z`))
}

/** Drops the partitions of a day. Detaching first does not block appends to other days. */
export async function dropDay({ query }: Connection, schema: string, dayMs: number): Promise<void> {
  for (const table of PARTITIONED) {
    const name = `${schema}.${partitionName(table, dayMs)}`
    const [found] = await query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [name])
    if (!found!.exists) continue
    await query(`alter table ${schema}.${table} detach partition ${name} concurrently`)
    await query(`drop table ${name}`)
  }
}

/** The start of the day in UTC. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

const printDay = (ms: number): string => `${new Date(ms).toISOString().slice(0, 10)} 00:00:00+00`

/** The name of the partition of a day: `log_20260301`. */
export function partitionName(table: string, dayMs: number): string {
  return `${table}_${new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`
}
