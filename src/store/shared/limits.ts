/** The limits of a shared log. They are part of the state, so that all its sidecars use the same ones. */
import { isDeepStrictEqual } from 'node:util'
import type { TierOptions } from '../../core/aggregate/time-tiers.ts'
import type { Limits } from '../../core/fold.ts'
import type { BackendOptions } from '../backend.ts'
import type { Logger } from '../logger.ts'

/** Limits, and the tiers of time. */
export interface LogLimits extends Limits {
  readonly tiers?: readonly TierOptions[] | undefined
}

const DAY_MS = 86_400_000

/** Those of the settings, for a log that is created. */
export function limitsOf({ tally, ids }: Pick<BackendOptions, 'tally' | 'ids'>): LogLimits {
  const { limit = 1_000_000, keepMs = DAY_MS } = ids ?? {}
  const { maxKeys, maxArms } = tally.limits
  return { maxKeys, maxArms, idWindow: limit, idWindowAgeMs: keepMs, tiers: tally.wantedTiers }
}

/** The JSON of limits. A tier may be kept without end, for which JSON has no number. */
export function printLimits(limits: LogLimits): string {
  return JSON.stringify(limits, (_name, value) => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value))
}

/** The limits of a JSON text. */
export function readLimits(text: string): LogLimits {
  return JSON.parse(text, (_name, value) => (value === 'Infinity' ? Number.POSITIVE_INFINITY : value))
}

/** Warns of each setting that is not in force. */
export function warnOfOtherLimits(wanted: LogLimits, inForce: LogLimits, store: string, logger: Logger): void {
  for (const limit of Object.keys(wanted) as (keyof LogLimits)[]) {
    const [setting, kept] = [wanted[limit], inForce[limit]]
    if (kept === undefined || isDeepStrictEqual(plain(setting), plain(kept))) continue
    logger.warn('a limit of the settings differs from that of the store, which all its sidecars share: it is ignored', {
      store,
      limit,
      setting,
      kept,
    })
  }
}

/** Without members that are undefined, as they are after they were stored. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(printLimits({ value } as never))
