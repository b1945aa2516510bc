/** A store over a log that several sidecars share. */
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Limits } from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import type { BackendOptions, OpenStore } from '../backend.ts'
import { openEngine } from '../engine/engine.ts'
import type { Logger } from '../logger.ts'
import type { Retention } from './retention.ts'
import { UnusableServer } from './server-errors.ts'

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
export async function openOverLog(log: Log, name: string, options: BackendOptions): Promise<OpenStore> {
  const { clock, monotonic, tally, maxPendingAttempts, log: logger = SILENT } = options
  warnOfOtherLimits(limitsOf(options), log.info.limits, name, logger)
  try {
    if (options.requireDurable === true) refuseWeak(log, name)
    const series = createSeries({ limit: MAX_SERIES, keepMs: log.info.limits.idWindowAgeMs })
    const engine = await openEngine({ log, clock, monotonic, logger, maxPendingAttempts, tally, series })
    return { ...engine, metrics: () => new Map() }
  } catch (error) {
    tally.clear()
    await log.close()
    throw error
  }
}

function refuseWeak(log: Log, store: string): void {
  const weak = log.health().advisories?.find(advisory => advisory.name === 'durability')
  if (weak !== undefined)
    throw new UnusableServer(store, new Error(`${weak.detail}. --require-durable does not accept that`), true)
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
