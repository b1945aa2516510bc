/** What a PostgreSQL server promises about what it stores. */
import type { Advisory } from '../../core/ports.ts'
import type { Warn } from '../shared/backend.ts'
import { NotDurable } from '../shared/server-errors.ts'
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

export interface CheckOptions {
  readonly warn: Warn
  /** The URL of the server without its password. */
  readonly store: string
  readonly requireDurable: boolean
}

export interface CheckedServer {
  /** The server's time in milliseconds since the epoch. */
  readonly nowMs: number
  /** Sentences about attempts that the server may lose. */
  readonly advisories: readonly Advisory[]
}

/** Refuses a server that cannot store attempts, or whose clock differs too much, and warns of one that may lose them. */
export async function checkServer(
  { query }: Pick<Connection, 'query'>,
  { warn, store, requireDurable }: CheckOptions,
): Promise<CheckedServer> {
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
  const weak = weaknessesOf(server)
  if (requireDurable && weak.length > 0) throw new NotDurable(weak.map(({ detail }) => detail))
  for (const { setting, detail } of weak) warn(detail, { store, setting, value: 'off' })
  const lags = failoverOf(server)
  for (const { detail } of lags) warn(detail, { store })
  return { nowMs: server.ms, advisories: [...weak.map(({ detail }) => ({ name: 'durability', detail })), ...lags] }
}

interface Weakness {
  readonly setting: string
  readonly detail: string
}

function weaknessesOf(server: Settings): Weakness[] {
  const settings = new Map<string, unknown>(Object.entries(server))
  return DURABLE.filter(([setting]) => settings.get(setting) === 'off').map(([setting, without]) => ({
    setting,
    detail: `${setting} is off: ${without}`,
  }))
}

function failoverOf({ standbys, synchronous_standby_names }: Settings): Advisory[] {
  if (standbys === 0 || synchronous_standby_names !== '') return []
  const detail =
    'its standbys are asynchronous: a failover may lose acknowledged attempts, which only the sidecars that still run send again'
  return [{ name: 'failover', detail }]
}

export async function serverTime({ query }: Pick<Connection, 'query'>): Promise<number> {
  const [row] = await query<{ ms: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as ms')
  return row!.ms
}
