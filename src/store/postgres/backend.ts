/** `postgres://…`: a database that many sidecars share. */

import type { Store } from '../../core/ports.ts'
import type { Backend, BackendOptions, ReadOptions } from '../backend.ts'
import { messageOf } from '../messages.ts'
import { DEFAULT_RETENTION, limitsOf, openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import { NewerSchema } from './migrate.ts'
import { openPostgresLog } from './postgres-log.ts'
import { parseTarget, type Target } from './target.ts'

export const POSTGRES_BACKEND: Backend = {
  opens: scheme => scheme === 'postgres' || scheme === 'postgresql',
  async open(text, options) {
    const target = targetOf(text)
    return await openOverLog(await openLog(target, options), target.name, options)
  },
  check: async text => void targetOf(text),
  openToRead: openReader,
  metrics: [],
}

async function openLog(target: Target, options: BackendOptions): ReturnType<typeof openPostgresLog> {
  const { clock, log: logger = SILENT, retention = DEFAULT_RETENTION } = options
  const warn = (message: string, detail: Readonly<Record<string, unknown>>): void => logger.warn(message, detail)
  try {
    return await openPostgresLog({ target, clock, limits: limitsOf(options), retention, warn })
  } catch (error) {
    throw new UnusableServer(target, error)
  }
}

/** The same log, of which nothing is appended. A database has no state that a second reader disturbs. */
async function openReader(text: string, { createTally, clock, log: logger = SILENT }: ReadOptions): Promise<Store> {
  const target = targetOf(text)
  const tally = createTally()
  const log = await openLog(target, { clock, tally, log: logger })
  return await openLogReader({ log, tally, clock, logger })
}

function targetOf(text: string): Target {
  try {
    return parseTarget(text)
  } catch (error) {
    throw new BadTarget(messageOf(error))
  }
}

/** A `postgres://` URL that names no store. */
export class BadTarget extends Error {
  override readonly name = 'BadTarget'
  readonly exitCode = 78

  constructor(detail: string) {
    super(`--store postgres://…: ${detail}`)
  }
}

/** The server cannot be reached, refuses, or cannot keep attempts. The message names the store without its password. */
export class UnusableServer extends Error {
  override readonly name = 'UnusableServer'
  readonly exitCode: number

  constructor({ name }: Target, cause: unknown) {
    super(`cannot keep attempts at ${name}: ${messageOf(cause)}`, { cause })
    this.exitCode = cause instanceof NewerSchema ? 78 : 69
  }
}
