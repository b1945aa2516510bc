/** One connection to PostgreSQL. It connects at the first statement, and again after the connection was lost. */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { NotSent, Unanswered } from '../shared/server-errors.ts'

/** A statement that the server parses and plans once for a connection. */
export interface Prepared {
  /** No other statement has this name, on any connection: a pooler may share them. */
  readonly name: string
  readonly text: string
}

/** The statement under a name made from its text. */
export function prepared(text: string): Prepared {
  return { name: `agent_performance_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`, text }
}

export interface Connection {
  /**
   * Runs one statement. Rejects with {@link Unanswered} where it is unknown whether the server ran it, with {@link NotSent} if no
   * connection exists, else with the server's error.
   */
  query<Row extends object>(statement: string | Prepared, values?: readonly unknown[]): Promise<Row[]>
  close(): Promise<void>
}

/** Time limits in milliseconds. Without them, a half-open connection or a held lock would block an append without end. */
export interface ConnectionTimes {
  /** For a connection. */
  readonly connectMs: number
  /** For an answer. The server gives up before the client does, so that no statement commits long after. */
  readonly answerMs: number
  /** For a statement, by the server. */
  readonly statementMs: number
  /** For a lock, by the server. */
  readonly lockMs: number
}

export const CONNECTION_TIMES: ConnectionTimes = {
  connectMs: 5000,
  answerMs: 10_000,
  statementMs: 8000,
  lockMs: 5000,
}

/** How long a close waits for the server, in milliseconds. */
const CLOSE_MS = 1000

/** As statements, not as start-up parameters, which connection poolers refuse. */
const settingsText = ({ statementMs, lockMs }: ConnectionTimes): string => `
set statement_timeout = ${statementMs};
set lock_timeout = ${lockMs};
set idle_in_transaction_session_timeout = '5s';
set time zone 'UTC';
-- Where the server has it: the default compresses the records of a group several times slower.
select set_config(name, 'lz4', false) from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals);
set default_transaction_isolation = 'read committed'`

export interface ConnectionOptions extends Partial<ConnectionTimes> {
  /** The server refuses every statement that would write. */
  readonly isReadOnly?: boolean
}

export function createConnection(url: string, options: ConnectionOptions = {}): Connection {
  const { isReadOnly = false, ...given } = options
  const times = { ...CONNECTION_TIMES, ...given }
  let current: Promise<pg.Client> | undefined
  let active: pg.Client | undefined
  let isClosed = false
  /** False where a pooler gives each statement to another session of the server, which knows other names. */
  let canPrepare = true
  let last: Promise<unknown> = Promise.resolve()

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: times.connectMs,
      query_timeout: times.answerMs,
      keepAlive: true,
      application_name: 'agent-performance',
    })
    // Without a listener, a connection that the server ends would end the process.
    client.on('error', () => drop(client))
    client.on('end', () => drop(client))
    try {
      await client.connect()
      const settings = settingsText(times)
      await client.query(isReadOnly ? `${settings};\nset default_transaction_read_only = on` : settings)
      active = client
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
    return client
  }

  function drop(client: pg.Client): void {
    if (active === client) {
      active = undefined
      current = undefined
    }
    // Also one whose answer never came: its connection may be half open.
    client.end().catch(() => undefined)
  }

  function connected(): Promise<pg.Client> {
    if (isClosed) return Promise.reject(new Error('the connection is closed'))
    if (current === undefined) {
      const made = connect()
      current = made
      made.catch(() => {
        if (current === made) current = undefined
      })
    }
    return current
  }

  async function run<Row extends object>(statement: string | Prepared, values: readonly unknown[]): Promise<Row[]> {
    const client = await connected().catch((error: unknown) => {
      throw new NotSent(error instanceof Error ? error.message : String(error), { cause: error })
    })
    const query =
      typeof statement === 'string' ? { text: statement } : canPrepare ? statement : { text: statement.text }
    try {
      const { rows } = await client.query<Row & pg.QueryResultRow>({ ...query, values: [...values] })
      return rows
    } catch (error) {
      if (typeof statement !== 'string' && canPrepare && isOtherSession(error)) {
        // The server refused the name, so it did not run the statement.
        canPrepare = false
        return await run(statement.text, values)
      }
      // After a failover, the server of this connection may be a standby. A new connection may reach the primary.
      if (sqlState(error) === READ_ONLY) drop(client)
      if (error instanceof pg.DatabaseError && !isDisconnect(error)) throw error
      drop(client)
      throw new Unanswered(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  return {
    query<Row extends object>(statement: string | Prepared, values: readonly unknown[] = []): Promise<Row[]> {
      // One after the other: the time-out of a statement must not include the wait for others.
      const result = last.then(() => run<Row>(statement, values))
      last = result.catch(() => undefined)
      return result
    },
    async close() {
      isClosed = true
      const client = await current?.catch(() => undefined)
      current = undefined
      // A half-open connection never answers.
      await Promise.race([client?.end().catch(() => undefined), delay(CLOSE_MS, undefined, { ref: false })])
    },
  }
}

/** SQLSTATE: no prepared statement has the name, and one has it already. */
const OTHER_SESSION: readonly (string | undefined)[] = ['26000', '42P05']

function isOtherSession(error: unknown): boolean {
  return OTHER_SESSION.includes(sqlState(error))
}

/** SQLSTATE: the transaction or the server is read-only. */
const READ_ONLY = '25006'

/** Class 08 is a connection exception, and class 57P the server's shutdown or crash. */
function isDisconnect({ code = '' }: pg.DatabaseError): boolean {
  return code.startsWith('08') || code.startsWith('57P')
}

/** The SQLSTATE of an error of the server. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
