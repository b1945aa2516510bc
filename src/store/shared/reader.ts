/** A log opened for questions only: it is folded once, up to its end, and nothing is written to it. */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { createAlertsState } from '../../core/alerts/lifecycle.ts'
import { type FoldState, limitsIn } from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import { type Clock, StoreUnavailable } from '../../core/ports.ts'
import type { ReadableStore } from '../backend.ts'
import { createAnswers } from '../engine/answers.ts'
import { createFollower } from '../engine/follower.ts'
import { reachOf } from '../engine/reach.ts'
import { restoreState } from '../engine/restore.ts'
import { createEvents } from '../events.ts'
import type { Logger } from '../logger.ts'

export interface LogReaderOptions {
  readonly log: Log
  /** Empty. */
  readonly tally: Tally
  readonly clock: Clock
  readonly logger: Logger
}

/** Rejects as reading the log does, and closes the log then. Closing the store closes the log. */
export async function openLogReader(options: LogReaderOptions): Promise<ReadableStore> {
  try {
    return await readLog(options)
  } catch (error) {
    await options.log.close()
    throw error
  }
}

async function readLog({ log, tally, clock, logger }: LogReaderOptions): Promise<ReadableStore> {
  const { limits, seed, tiers } = log.info
  if (tiers !== undefined) tally.wantTiers(tiers)
  const state: FoldState = {
    tally,
    series: createSeries({ limit: MAX_SERIES, keepMs: limits.idWindowAgeMs }),
    alerts: createAlertsState(),
    ids: createDedupWindow({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs, seed }),
  }
  const restore = async (): Promise<string> =>
    (await restoreState({ log, state, clock, logger, keepTiers: true })).position
  const events = createEvents(() => undefined)
  const options = { log, state, logger, events, isOwn: () => false, reload: restore, onFolded() {} }
  const follower = createFollower({ ...options, position: await restore() })
  await follower.catchUp()
  const { position } = follower
  let isClosed = false
  const refuse = async (): Promise<never> => {
    throw new StoreUnavailable('the store is open for questions only', { reason: isClosed ? 'closed' : 'failing' })
  }
  return {
    state,
    limits: limitsIn(state),
    covers: { position },
    reach: () => reachOf(log),
    stored: () => log.stored(position),
    ...createAnswers({ tally, alerts: state.alerts, clock, list: query => log.page(query), isClosed: () => isClosed }),
    // Everything was read when it was opened.
    asOf: () => undefined,
    append: refuse,
    appendPoints: refuse,
    putExperimentPlan: refuse,
    reset: refuse,
    health: () => ({ writable: false, isReadOnly: true, reason: 'it is open for questions only' }),
    async close() {
      isClosed = true
      await log.close()
    },
  }
}
