/** `postgres://…`: a database that many sidecars share. */

import type { Backend, BackendOptions, ReadableStore, ReadOptions } from '../backend.ts'
import { messageOf } from '../messages.ts'
import { limitsOf } from '../shared/limits.ts'
import { DEFAULT_RETENTION, openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import { FOREVER } from '../shared/retention.ts'
import { BadTarget, openingError, UnreadableServer, UnusableServer } from '../shared/server-errors.ts'
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
  openLog: (text, options) => openLog(targetOf(text), options),
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

/** A role that may only select is enough. Nothing is written. */
async function openReader(
  text: string,
  { createTally, clock, log: logger = SILENT }: ReadOptions,
): Promise<ReadableStore> {
  const target = targetOf(text)
  const tally = createTally()
  const options = { target, clock, limits: limitsOf({ tally }), retention: FOREVER, isReadOnly: true, warn() {} }
  try {
    const log = await openPostgresLog(options)
    return await openLogReader({ log, tally, clock, logger })
  } catch (error) {
    throw new UnreadableServer(target.name, error)
  }
}

function targetOf(text: string): Target {
  try {
    return parseTarget(text)
  } catch (error) {
    throw new BadTarget('postgres://…', messageOf(error))
  }
}
