/** `sqlite:PATH`: a database file, for people who want SQL, and for several sidecars on one machine. */
import { existsSync } from 'node:fs'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Limits } from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import type { Store } from '../../core/ports.ts'
import type { Backend, BackendOptions, OpenStore, ReadOptions } from '../backend.ts'
import { openEngine } from '../engine/engine.ts'
import { NewerFormat, NoStore, UnreadableStore, UnusablePath } from '../file/errors.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { openLogReader } from '../shared/reader.ts'
import { SqliteError } from './connection.ts'
import { checkPlace, makeFile, moveAside, pathOf } from './place.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'

const DAY_MS = 86_400_000
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
/** SQLite's codes for a damaged file, and for one that is no database. */
const DAMAGED: readonly number[] = [11, 26]

export const SQLITE_BACKEND: Backend = {
  opens: scheme => scheme === 'sqlite',
  open: openSqliteStore,
  check: async target => checkPlace(pathOf(target)),
  openToRead: openSqliteReader,
  metrics: [],
}

async function openSqliteStore(target: string, options: BackendOptions): Promise<OpenStore> {
  const { clock, monotonic, tally, maxPendingAttempts, log: logger = SILENT } = options
  const path = pathOf(target)
  checkPlace(path)
  makeFile(path)
  const limits = limitsOf(options)
  const retention = options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 }
  const log = await openOrReplace({ path, clock, limits, retention }, logger)
  warnOfOtherLimits(limits, log.info.limits, path, logger)
  let replayedRecords = 0
  try {
    const series = createSeries({ limit: MAX_SERIES, keepMs: log.info.limits.idWindowAgeMs })
    const counted = countingReads(log, records => (replayedRecords += records))
    const engine = await openEngine({ log: counted, clock, monotonic, logger, maxPendingAttempts, tally, series })
    return { ...engine, metrics: () => new Map(), replayedRecords }
  } catch (error) {
    tally.clear()
    await log.close()
    throw error
  }
}

/** Opens the log. A damaged file is moved aside and reported, and an empty one takes its place. */
async function openOrReplace(options: SqliteLogOptions, logger: Logger): Promise<Log> {
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

function limitsOf({ tally, ids }: Pick<BackendOptions, 'tally' | 'ids'>): Limits {
  const { limit = 1_000_000, keepMs = DAY_MS } = ids ?? {}
  const { maxKeys, maxArms } = tally.limits
  return { maxKeys, maxArms, idWindow: limit, idWindowAgeMs: keepMs }
}

function warnOfOtherLimits(wanted: Limits, kept: Limits, path: string, logger: Logger): void {
  for (const name of Object.keys(wanted) as (keyof Limits)[])
    if (wanted[name] !== kept[name])
      logger.warn(
        'a limit of the settings differs from that of the store, which all its sidecars share: it is ignored',
        {
          path,
          limit: name,
          setting: wanted[name],
          store: kept[name],
        },
      )
}

/** The log, with `count` called with the number of records of each group that is read. */
function countingReads(log: Log, count: (records: number) => void): Log {
  return {
    ...log,
    async *read(after) {
      for await (const group of log.read(after)) {
        count(group.records.length)
        yield group
      }
    },
  }
}
