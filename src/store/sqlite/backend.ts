/** `sqlite:PATH`: a database file, for people who want SQL, and for several sidecars on one machine. */
import { existsSync } from 'node:fs'
import type { Backend, BackendOptions, OpenStore, ReadableStore, ReadOptions } from '../backend.ts'
import { NewerFormat, NoStore, UnreadableStore, UnusablePath } from '../file/errors.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { limitsOf } from '../shared/limits.ts'
import { DEFAULT_RETENTION, openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import { FOREVER } from '../shared/retention.ts'
import type { SharedLog } from '../shared/shared-log.ts'
import { SqliteError } from './connection.ts'
import { lockOpen, type OpenLock } from './open-lock.ts'
import { checkPlace, makeFile, moveAside, pathOf, requireReadable } from './place.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'

/** SQLite's codes for a damaged file, and for one that is no database. */
const DAMAGED: readonly number[] = [11, 26]

export const SQLITE_BACKEND: Backend = {
  open: openSqliteStore,
  check: async target => checkPlace(pathOf(target)),
  openToRead: openSqliteReader,
  openLog,
}

async function openSqliteStore(target: string, options: BackendOptions): Promise<OpenStore> {
  // A spool beside a database file would fail with it.
  return await openOverLog(await openLog(target, options), pathOf(target), { ...options, spool: undefined })
}

async function openLog(target: string, options: BackendOptions): Promise<SharedLog> {
  const path = pathOf(target)
  checkPlace(path)
  makeFile(path)
  const { clock, log: logger = SILENT, retention = DEFAULT_RETENTION } = options
  const lock = lockOpen(path)
  try {
    const log = await openOrReplace({ path, clock, limits: limitsOf(options), retention }, lock, logger)
    return {
      ...log,
      async close() {
        await log.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Opens the log. A damaged file is moved aside and reported, and an empty one takes its place, unless another process has it open. */
async function openOrReplace(options: SqliteLogOptions, lock: OpenLock, logger: Logger): Promise<SharedLog> {
  const { path, clock } = options
  try {
    return await openSqliteLog(options)
  } catch (error) {
    if (!isDamage(error)) throw explained(error, path)
    const reason = messageOf(error)
    const isMoved = lock.alone(() => {
      const aside = moveAside(path, clock())
      logger.error('the database is damaged: it was moved aside, and the store begins empty', { path, aside, reason })
    })
    // Where another process has it open, that one may have replaced it meanwhile.
    return await openSqliteLog(options).catch(again =>
      Promise.reject(isMoved || !isDamage(again) ? explained(again, path) : new DamagedInUse(path, reason)),
    )
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
): Promise<ReadableStore> {
  const path = pathOf(target)
  if (!existsSync(path)) throw new NoStore(path)
  requireReadable(path)
  const tally = createTally()
  const limits = limitsOf({ tally })
  try {
    const log = await openSqliteLog({ path, clock, limits, retention: FOREVER, isReadOnly: true })
    return await openLogReader({ log, tally, clock, logger })
  } catch (error) {
    throw error instanceof SqliteError ? new UnreadableStore(path, error.message, { cause: error }) : error
  }
}

/** The database is damaged, and another process has it open. It was left as it is. */
class DamagedInUse extends Error {
  override readonly name = 'DamagedInUse'
  readonly exitCode = 75

  constructor(path: string, reason: string) {
    super(
      `the database ${path} is damaged (${reason}), and another process has it open: stop all sidecars, and start one of them`,
    )
  }
}
