/** What a PostgreSQL server promises about what it stores. */
import type { Advisory } from '../../core/ports.ts'
import type { Connection } from './connection.ts'

/** The largest difference of the clocks of a sidecar and the server. */
const MAX_SKEW_MS = 300_000

/** Settings that keep an acknowledged attempt through a crash, and what happens without them. */
const DURABLE: readonly (readonly [setting: string, without: string])[] = [
  ['fsync', 'a crash of its machine loses acknowledged attempts, and may damage the database'],
  ['synchronous_commit', 'a crash of the server loses acknowledged attempts of the last moments'],
  ['full_page_writes', 'a crash of its machine may damage the database'],
]

interface Settings {
  readonly recovering: boolean
  readonly read_only: string
  readonly fsync: string
  readonly synchronous_commit: string
  readonly full_page_writes: string
  readonly synchronous_standby_names: string
  readonly standbys: number
  readonly ms: number
}

/**
 * The server's time in milliseconds since the epoch, and sentences about attempts that it may lose. Throws where it cannot store attempts, or
 * its clock differs too much.
 */
export async function checkServer({
  query,
}: Pick<Connection, 'query'>): Promise<{ readonly nowMs: number; readonly advisories: readonly Advisory[] }> {
  const [found] = await query<Settings>(`select pg_is_in_recovery() as recovering,
    current_setting('transaction_read_only') as read_only, current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('synchronous_standby_names') as synchronous_standby_names,
    (select count(*)::int from pg_stat_replication) as standbys,
    extract(epoch from clock_timestamp())::float8 * 1000 as ms`)
  const server = found!
  if (server.recovering || server.read_only === 'on')
    throw new Error('the server is read-only: give the URL of the primary server')
  const skewMs = Math.abs(server.ms - Date.now())
  if (skewMs > MAX_SKEW_MS)
    throw new Error(
      `the clocks of this machine and of the server differ by ${Math.round(skewMs / 1000)} s: synchronise them`,
    )
  return { nowMs: server.ms, advisories: advisoriesOf(server) }
}

function advisoriesOf(server: Settings): Advisory[] {
  const settings = new Map<string, unknown>(Object.entries(server))
  const advisories = DURABLE.filter(([setting]) => settings.get(setting) === 'off').map(
    ([setting, without]): Advisory => ({ name: 'durability', detail: `${setting} is off: ${without}` }),
  )
  if (server.standbys > 0 && server.synchronous_standby_names === '')
    advisories.push({
      name: 'failover',
      detail:
        'its standbys are asynchronous: a failover may lose acknowledged attempts, which only the sidecars that still run send again',
    })
  return advisories
}
