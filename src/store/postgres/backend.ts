/** `postgres://…`: a database that many sidecars share. */

import type { Store } from '../../core/ports.ts'
import type { Backend, BackendOptions, ReadOptions } from '../backend.ts'
import { messageOf } from '../messages.ts'
import { limitsOf } from '../shared/limits.ts'
import { DEFAULT_RETENTION, openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import { BadTarget, openingError, UnusableServer } from '../shared/server-errors.ts'
import { NewerSchema } from './migrate.ts'
import { openPostgresLog } from './postgres-log.ts'
import { parseTarget, type Target } from './target.ts'

export const POSTGRES_BACKEND: Backend = {
  async open(text, options) {
    const target = targetOf(text)
    const log = await openLog(target, options)
    try {
      return await openOverLog(log, target.name, options)
    } catch (error) {
      throw openingError(target.name, error)
    }
  },
  check: async text => void targetOf(text),
  openToRead: openReader,
}

async function openLog(target: Target, options: BackendOptions): ReturnType<typeof openPostgresLog> {
  const { clock, log: logger = SILENT, retention = DEFAULT_RETENTION, requireDurable } = options
  const warn = (message: string, detail: Readonly<Record<string, unknown>>): void => logger.warn(message, detail)
  try {
    return await openPostgresLog({ target, clock, limits: limitsOf(options), retention, warn, requireDurable })
  } catch (error) {
    throw new UnusableServer(target.name, error, error instanceof NewerSchema)
  }
}

/** The same log, of which nothing is appended. A database has no state that a second reader disturbs. */
async function openReader(text: string, { createTally, clock, log: logger = SILENT }: ReadOptions): Promise<Store> {
  const target = targetOf(text)
  const tally = createTally()
  const log = await openLog(target, { clock, tally, log: logger })
  try {
    return await openLogReader({ log, tally, clock, logger })
  } catch (error) {
    throw openingError(target.name, error)
  }
}

function targetOf(text: string): Target {
  try {
    return parseTarget(text)
  } catch (error) {
    throw new BadTarget('postgres://…', messageOf(error))
  }
}
