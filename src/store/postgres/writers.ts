/** The rows of writers: the number of the newest group of each, and when it was seen. */
import type { ForgetBefore } from '../shared/writers.ts'
import type { Connection } from './connection.ts'

/** Creates the row that counts the groups of a writer, or notes that the writer is alive. */
export async function putWriter({ query }: Pick<Connection, 'query'>, schema: string, writer: string): Promise<void> {
  await query(
    `insert into ${schema}.writers (writer, number) values ($1, 0) on conflict (writer) do update set seen = now()`,
    [writer],
  )
}

/** Deletes those that are not needed any more. */
export async function forgetWriters(
  { query }: Pick<Connection, 'query'>,
  schema: string,
  { expiredMs, emptyMs }: ForgetBefore,
): Promise<void> {
  await query(
    `delete from ${schema}.writers w where seen < to_timestamp($1) and number = 0
     or seen < to_timestamp($2) and not exists (select 1 from ${schema}.log l where l.writer = w.writer)`,
    [emptyMs / 1000, expiredMs / 1000],
  )
}
