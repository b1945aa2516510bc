/** Inserts a group, and makes the partitions of the day where they are missing. */
import { type Group, mustBeFirst } from '../../core/log.ts'
import type { Warn } from '../shared/backend.ts'
import { type AppendOptions, appendText, valuesOf } from './append.ts'
import { type Connection, type Prepared, prepared, sqlState } from './connection.ts'
import { makePartitions } from './partitions.ts'
import { serverTime } from './server.ts'
import { putWriter } from './writers.ts'

export interface AppendedRow {
  readonly seq: string
  readonly chain: string
  readonly before_chain: string
}

/** Undefined where the writer's last number is not the one before that of the group. */
export type Insert = (writer: string, group: Group) => Promise<AppendedRow | undefined>

export interface InsertOptions {
  /** Whether attempts are stored as rows too. */
  readonly rows: boolean
  readonly warn: Warn
}

type Statement = AppendOptions & Prepared

/** SQLSTATE: no partition for the row. */
const NO_PARTITION = '23514'

export function createInsert(connection: Connection, schema: string, { rows, warn }: InsertOptions): Insert {
  const { query } = connection
  const statement = (options: AppendOptions): Statement => ({ ...options, ...prepared(appendText(schema, options)) })
  const statements = {
    plain: statement({ rows: false }),
    usual: statement({ rows }),
    first: statement({ rows, isFirst: true }),
  }

  async function run(
    { name, text, rows }: Statement,
    writer: string,
    { number, isReset, records }: Group,
  ): Promise<AppendedRow | undefined> {
    const lines = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    const values = [writer, number, isReset, lines, ...(rows ? [valuesOf(lines.toString())] : [])]
    const [row] = await query<AppendedRow>({ name, text }, values)
    return row
  }

  async function insert(writer: string, group: Group): Promise<AppendedRow | undefined> {
    try {
      return await run(statements.usual, writer, group)
    } catch (error) {
      const state = sqlState(error)
      if (state === NO_PARTITION) {
        await makePartitions(connection, schema, await serverTime(connection))
        return await run(statements.usual, writer, group)
      }
      // Class 22: a value that the columns cannot hold. The log keeps it all the same.
      if (!rows || !state?.startsWith('22')) throw error
      warn('attempts cannot be stored as rows: they are only in the log', { error: (error as Error).message })
      return await run(statements.plain, writer, group)
    }
  }

  return async (writer, group) => {
    if (group.writer !== undefined && group.number === 1) await putWriter(connection, schema, writer)
    if (mustBeFirst(group)) return await run(statements.first, writer, group)
    const row = await insert(writer, group)
    if (row !== undefined || group.number !== 1) return row
    // A failover or a restored backup may have lost the writer's row, without which no group can be appended.
    await putWriter(connection, schema, writer)
    return await insert(writer, group)
  }
}
