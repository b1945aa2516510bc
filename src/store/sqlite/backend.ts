/** `sqlite:PATH`: a database file, for people who want SQL, and for several sidecars on one machine. */
import { existsSync } from 'node:fs'
import type { Store } from '../../core/ports.ts'
import type { Backend, BackendOptions, OpenStore, ReadOptions } from '../backend.ts'
import { NewerFormat, NoStore, UnreadableStore, UnusablePath } from '../file/errors.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { DEFAULT_RETENTION, limitsOf, openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import type { SharedLog } from '../shared/shared-log.ts'
import { SqliteError } from './connection.ts'
import { checkPlace, makeFile, moveAside, pathOf } from './place.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'

/** SQLite's codes for a damaged file, and for one that is no database. */
const DAMAGED: readonly number[] = [11, 26]

export const SQLITE_BACKEND: Backend = {
  open: openSqliteStore,
  check: async target => checkPlace(pathOf(target)),
  openToRead: openSqliteReader,
}

async function openSqliteStore(target: string, options: BackendOptions): Promise<OpenStore> {
  const path = pathOf(target)
  checkPlace(path)
  makeFile(path)
  const { clock, log: logger = SILENT, retention = DEFAULT_RETENTION } = options
  const log = await openOrReplace({ path, clock, limits: limitsOf(options), retention }, logger)
  // A spool beside a database file would fail with it.
  return await openOverLog(log, path, { ...options, spool: undefined })
}

/** Opens the log. A damaged file is moved aside and reported, and an empty one takes its place. */
async function openOrReplace(options: SqliteLogOptions, logger: Logger): Promise<SharedLog> {
  const { path, clock } = options
  try {
    return await openSqliteLog(options)
  } catch (error) {
    if (!isDamage(error)) throw explained(error, path)
    const aside = moveAside(path, clock())
    logger.error('the database is damaged: it was moved aside, and the store begins empty', {
      path,
      aside,
      reason: messageOf(error),
    })
    return await openSqliteLog(options).catch(again => Promise.reject(explained(again, path)))
  }
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof SqliteError)) return false
  return error.kind === 'DamagedDatabase' || (error.code !== undefined && DAMAGED.includes(error.code))
}

function explained(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError)) return error
  return error.kind === 'NewerSchema'
    ? new NewerFormat(path, error.message, SCHEMA_VERSION)
    : new UnusablePath(path, error.message, error)
}

async function openSqliteReader(
  target: string,
  { createTally, clock, log: logger = SILENT }: ReadOptions,
): Promise<Store> {
  const path = pathOf(target)
  if (!existsSync(path)) throw new NoStore(path)
  const tally = createTally()
  const limits = limitsOf({ tally })
  const retention = { maxAgeMs: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
  try {
    const log = await openSqliteLog({ path, clock, limits, retention, isReadOnly: true })
    return await openLogReader({ log, tally, clock, logger })
  } catch (error) {
    throw error instanceof SqliteError ? new UnreadableStore(path, error.message, { cause: error }) : error
  }
}
