/** What a PostgreSQL server promises about what it stores. */
import { NotDurable } from '../shared/server-errors.ts'
import type { Connection } from './connection.ts'
import type { Warn } from './insert.ts'

/** The largest difference of the clocks of a sidecar and the server. */
const MAX_SKEW_MS = 300_000

export interface CheckOptions {
  readonly warn: Warn
  /** The URL of the server without its password. */
  readonly store: string
  readonly requireDurable: boolean
}

/** Refuses a server that cannot keep attempts, and warns of one that may lose them. Returns the server's time. */
export async function checkServer(
  connection: Connection,
  { warn, store, requireDurable }: CheckOptions,
): Promise<number> {
  const [found] = await connection.query<{
    recovering: boolean
    read_only: string
    fsync: string
    commit: string
    pages: string
    ms: number
  }>(`select pg_is_in_recovery() as recovering, current_setting('transaction_read_only') as read_only,
    current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
    current_setting('full_page_writes') as pages, extract(epoch from clock_timestamp())::float8 * 1000 as ms`)
  const server = found!
  if (server.recovering || server.read_only === 'on')
    throw new Error('the server is read-only: give the URL of the primary server')
  const skewMs = Math.abs(server.ms - Date.now())
  if (skewMs > MAX_SKEW_MS)
    throw new Error(
      `the clocks of this machine and of the server differ by ${Math.round(skewMs / 1000)} s: synchronise them`,
    )
  const settings = { fsync: server.fsync, synchronous_commit: server.commit, full_page_writes: server.pages }
  const weak = Object.entries(settings).filter(([, value]) => value === 'off')
  if (requireDurable && weak.length > 0) throw new NotDurable(weak.map(([setting]) => `its ${setting} is off`))
  for (const [setting, value] of weak)
    warn('the server may lose acknowledged attempts when it crashes', { store, setting, value })
  return server.ms
}

export async function serverTime({ query }: Connection): Promise<number> {
  const [row] = await query<{ ms: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as ms')
  return row!.ms
}
