/** Drops whole days of the log that are beyond the retention and that two snapshots cover. */
import type { Retention } from '../shared/retention.ts'
import type { Connection } from './connection.ts'
import { dayOf, dropDay, listDays, partitionName } from './partitions.ts'

const DAY_MS = 86_400_000

interface Day {
  readonly dayMs: number
  readonly last: number
  readonly chain: string
  readonly bytes: number
}

/** True if another snapshot would allow dropping more. The current day always stays. */
export async function expireDays(
  connection: Connection,
  schema: string,
  { retention, nowMs }: { readonly retention: Retention; readonly nowMs: number },
): Promise<boolean> {
  const { query } = connection
  const [covered] = await query<{ seq: string }>(
    `select seq from ${schema}.snapshots where complete order by seq desc, id desc limit 1 offset 1`,
  )
  const until = Number(covered?.seq ?? 0)
  const days = (await listDays(connection, schema)).filter(dayMs => dayMs < dayOf(nowMs))
  const sizes = await Promise.all(days.map(dayMs => sizeOf(query, schema, dayMs)))
  let bytes = sizes.reduce((sum, day) => sum + day.bytes, 0)
  for (const day of sizes) {
    const isOld = day.dayMs + DAY_MS <= nowMs - retention.maxAgeMs
    if (!isOld && bytes <= retention.maxBytes) return false
    if (day.last > until) return true
    await drop(connection, schema, day)
    bytes -= day.bytes
  }
  return false
}

async function sizeOf(query: Connection['query'], schema: string, dayMs: number): Promise<Day> {
  const name = `${schema}.${partitionName('log', dayMs)}`
  const [row] = await query<{ last: string | null; chain: string | null; bytes: string }>(
    `select newest.seq as last, newest.chain, pg_total_relation_size('${name}') as bytes
     from (select 1) as one left join lateral (select seq, chain from ${name} order by seq desc limit 1) as newest on true`,
  )
  return { dayMs, last: Number(row!.last ?? 0), chain: row!.chain ?? '', bytes: Number(row!.bytes) }
}

async function drop(connection: Connection, schema: string, { dayMs, last, chain }: Day): Promise<void> {
  if (last > 0) {
    await connection.query(`update ${schema}.head set first = $1, first_chain = $2 where first <= $1`, [
      last + 1,
      chain,
    ])
    await connection.query(`delete from ${schema}.repeats where seq <= $1`, [last])
  }
  await dropDay(connection, schema, dayMs)
}
