/** A store over a log that several sidecars share. */
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import { limitsIn } from '../../core/fold.ts'
import type { BackendOptions, OpenStore } from '../backend.ts'
import { openEngine } from '../engine/engine.ts'
import type { Spool } from '../engine/spool.ts'
import { SILENT } from '../logger.ts'
import { spoolMetrics } from '../spool/metrics.ts'
import { openSpoolAt } from '../spool/place.ts'
import { limitsOf, warnOfOtherLimits } from './limits.ts'
import type { SharedLog } from './shared-log.ts'

/** Opens the store. The log is closed where that fails. `name` is the log in messages. */
export async function openOverLog(log: SharedLog, name: string, options: BackendOptions): Promise<OpenStore> {
  const wanted = limitsOf(options)
  const { clock, monotonic, tally, maxPendingAttempts, outcomeSources, onNewerRecord, log: logger = SILENT } = options
  if (log.info.tiers !== undefined) tally.wantTiers(log.info.tiers)
  let spool: Spool | undefined
  try {
    spool = options.spool && (await openSpoolAt(options.spool, { logId: log.info.id, clock, log: logger }))
    const series = createSeries({ limit: MAX_SERIES, keepMs: log.info.limits.idWindowAgeMs })
    const given = { clock, monotonic, logger, maxPendingAttempts, outcomeSources, onNewerRecord, tally }
    const engine = await openEngine({
      ...given,
      raiseTo: options.raiseLimits === true ? wanted : undefined,
      log,
      spool,
      series,
    })
    warnOfOtherLimits(wanted, { ...limitsIn(engine.state), tiers: log.info.tiers }, name, logger)
    return { ...engine, info: log.info, metrics: () => spoolMetrics(spool, clock()) }
  } catch (error) {
    tally.clear()
    await spool?.close()
    await log.close()
    throw error
  }
}
