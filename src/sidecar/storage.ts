/** Opens the store that the configuration names, and fills the tally from it. */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createTally, type Tally } from '../core/aggregate/tally.ts'
import type { OpenStore } from '../store/backend.ts'
import { openStore } from '../store/open.ts'

export interface Storage {
  readonly tally: Tally
  readonly store: OpenStore
  /** How long it took to open the store and to replay it. */
  readonly replayMs: number
}

/** Rejects, with nothing left open, if the store cannot be opened. `onNewerRecord` is that of the backend. */
export async function openStorage(
  config: Config,
  log: Logger,
  onNewerRecord: (error: Error) => void,
): Promise<Storage> {
  const tally = createTally({ maxKeys: config.maxKeys, maxArms: config.maxArms, tiers: config.tiers })
  const startMs = performance.now()
  const store = await openStore(config.store, {
    tally,
    clock: Date.now,
    monotonic: () => performance.now(),
    ids: { limit: config.idWindow, keepMs: config.idWindowAgeMs },
    retention: { maxAgeMs: config.retentionAgeMs, maxBytes: config.retentionBytes },
    spool: { folder: config.spool, isOwn: !config.spool.endsWith('/'), maxBytes: config.spoolBytes },
    raiseLimits: true,
    requireDurable: config.requireDurable,
    outcomeSources: config.outcomeSources,
    onNewerRecord,
    maxPendingAttempts: config.maxPendingAttempts,
    log: {
      debug: (message, fields) => log.debug(fields ?? {}, message),
      info: (message, fields) => log.info(fields ?? {}, message),
      warn: (message, fields) => log.warn(fields ?? {}, message),
      error: (message, fields) => log.error(fields ?? {}, message),
    },
  })
  return { tally, store, replayMs: Math.round(performance.now() - startMs) }
}
