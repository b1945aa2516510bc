/** Statements of a SQLite database. Each is prepared once. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'

type Value = string | number | Uint8Array

export interface Statements {
  /** The first row. Undefined if there is none. */
  get<Row>(sql: string, ...values: Value[]): Row | undefined
  all<Row>(sql: string, ...values: Value[]): Row[]
  /** Returns the id of the row that was inserted last. */
  run(sql: string, ...values: Value[]): number
  /** Runs `work` in a transaction that other writers wait for. */
  inTransaction<T>(work: () => T): T
}

export function createStatements(db: DatabaseSync): Statements {
  const prepared = new Map<string, StatementSync>()

  function statement(sql: string): StatementSync {
    let found = prepared.get(sql)
    if (found === undefined) {
      found = db.prepare(sql)
      prepared.set(sql, found)
    }
    return found
  }

  return {
    get: <Row>(sql: string, ...values: Value[]) => statement(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: Value[]) => statement(sql).all(...values) as Row[],
    run: (sql, ...values) => Number(statement(sql).run(...values).lastInsertRowid),
    inTransaction: work => inTransaction(db, work),
  }
}

/** {@link Statements.inTransaction}. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('rollback')
    throw error
  }
}
