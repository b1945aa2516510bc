/** `redis://…` and `rediss://…`: a Redis stream that many sidecars share. */
import type { Backend, BackendOptions, ReadableStore, ReadOptions } from '../backend.ts'
import { messageOf } from '../messages.ts'
import { limitsOf } from '../shared/limits.ts'
import { openOverLog, SILENT } from '../shared/open.ts'
import { openLogReader } from '../shared/reader.ts'
import { FOREVER, type Retention } from '../shared/retention.ts'
import { BadTarget, openingError, UnreadableServer, UnusableServer } from '../shared/server-errors.ts'
import { NewerKeys, openRedisLog } from './redis-log.ts'
import { parseTarget, type Target } from './target.ts'

/** Memory is dear: 90 days, and 256 MiB. */
const RETENTION: Retention = { maxAgeMs: 90 * 86_400_000, maxBytes: 256 * 1024 ** 2 }

export const REDIS_BACKEND: Backend = {
  async open(text, options) {
    const target = targetOf(text)
    const log = await openLog(target, options)
    for (const { detail } of log.health().advisories ?? []) options.log?.warn(detail, { store: target.name })
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

async function openLog(target: Target, options: BackendOptions): ReturnType<typeof openRedisLog> {
  const { clock, retention = RETENTION, requireDurable } = options
  try {
    return await openRedisLog({ target, clock, limits: limitsOf(options), retention, requireDurable })
  } catch (error) {
    throw new UnusableServer(target.name, error, error instanceof NewerKeys)
  }
}

/** A user who may only read is enough. Nothing is written. */
async function openReader(
  text: string,
  { createTally, clock, log: logger = SILENT }: ReadOptions,
): Promise<ReadableStore> {
  const target = targetOf(text)
  const tally = createTally()
  try {
    const log = await openRedisLog({ target, clock, limits: limitsOf({ tally }), retention: FOREVER, isReadOnly: true })
    return await openLogReader({ log, tally, clock, logger })
  } catch (error) {
    throw new UnreadableServer(target.name, error)
  }
}

function targetOf(text: string): Target {
  try {
    return parseTarget(text)
  } catch (error) {
    throw new BadTarget('redis://…', messageOf(error))
  }
}
