/** `sqlite:PATH`: a database file, for people who want SQL, and for several sidecars on one machine. */
import { existsSync } from 'node:fs'
import type { Backend, BackendOptions } from '../backend.ts'
import { NewerFormat, NoStore, UnreadableStore, UnusablePath } from '../file/errors.ts'
import { type Logger, SILENT } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { createSharedBackend, logOptions } from '../shared/backend.ts'
import type { SharedLog } from '../shared/shared-log.ts'
import { SqliteError } from './connection.ts'
import { lockOpen, type OpenLock } from './open-lock.ts'
import { checkPlace, makeFile, moveAside, pathOf, requireReadable } from './place.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'

/** SQLite's codes for a damaged file, and for one that is no database. */
const DAMAGED: readonly number[] = [11, 26]

export const SQLITE_BACKEND: Backend = createSharedBackend({
  parse: text => ({ name: pathOf(text) }),
  check: ({ name }) => checkPlace(name),
  openLog: ({ name }, options) => openLog(name, options),
  async openLogToRead({ target: { name }, ...options }) {
    if (!existsSync(name)) throw new NoStore(name)
    requireReadable(name)
    return await openSqliteLog({ ...options, path: name })
  },
  unusable: (_target, error) => error,
  unreadable: ({ name }, error) =>
    error instanceof SqliteError ? new UnreadableStore(name, error.message, { cause: error }) : error,
  // A spool beside a database file would fail with it.
  canSpool: false,
})

async function openLog(path: string, options: BackendOptions): Promise<SharedLog> {
  checkPlace(path)
  makeFile(path)
  const lock = lockOpen(path)
  try {
    const log = await openOrReplace({ ...logOptions(options), path }, lock, options.log ?? SILENT)
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
