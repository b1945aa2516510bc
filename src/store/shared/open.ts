/** A store over a log that several sidecars share. */
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Limits } from '../../core/fold.ts'
import type { BackendOptions, OpenStore } from '../backend.ts'
import { openEngine } from '../engine/engine.ts'
import type { Spool } from '../engine/spool.ts'
import type { Logger } from '../logger.ts'
import { spoolMetrics } from '../spool/metrics.ts'
import { openSpoolAt } from '../spool/place.ts'
import type { Retention } from './retention.ts'
import type { SharedLog } from './shared-log.ts'

const DAY_MS = 86_400_000

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** 90 days, and 1 GiB. */
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 }

/** The limits of the settings, for a log that is created. */
export function limitsOf({ tally, ids }: Pick<BackendOptions, 'tally' | 'ids'>): Limits {
  const { limit = 1_000_000, keepMs = DAY_MS } = ids ?? {}
  const { maxKeys, maxArms } = tally.limits
  return { maxKeys, maxArms, idWindow: limit, idWindowAgeMs: keepMs }
}

/** Opens the store. The log is closed where that fails. `name` is the log in messages. */
export async function openOverLog(log: SharedLog, name: string, options: BackendOptions): Promise<OpenStore> {
  const { clock, monotonic, tally, maxPendingAttempts, onNewerRecord, log: logger = SILENT } = options
  warnOfOtherLimits(limitsOf(options), log.info.limits, name, logger)
  let spool: Spool | undefined
  try {
    spool = options.spool && (await openSpoolAt(options.spool, { logId: log.id, clock, log: logger }))
    const series = createSeries({ limit: MAX_SERIES, keepMs: log.info.limits.idWindowAgeMs })
    const given = { clock, monotonic, logger, maxPendingAttempts, onNewerRecord, tally }
    const engine = await openEngine({ ...given, log, spool, series })
    return { ...engine, metrics: () => spoolMetrics(engine.spooled, clock()) }
  } catch (error) {
    tally.clear()
    await spool?.close()
    await log.close()
    throw error
  }
}

/** Limits are part of the state, and all sidecars of a log must have the same state. */
function warnOfOtherLimits(wanted: Limits, kept: Limits, store: string, logger: Logger): void {
  for (const limit of Object.keys(wanted) as (keyof Limits)[]) {
    if (wanted[limit] === kept[limit]) continue
    const detail = { store, limit, setting: wanted[limit], kept: kept[limit] }
    logger.warn(
      'a limit of the settings differs from that of the store, which all its sidecars share: it is ignored',
      detail,
    )
  }
}
