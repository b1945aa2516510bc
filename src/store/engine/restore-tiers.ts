/**
 * Restores a snapshot into the time tiers of the settings. Tiers that the snapshot lacks are built from its other tiers or from the log.
 * The result is not stored: until the next snapshot, every start repeats this.
 */
import { planTiers, type TierPlan } from '../../core/aggregate/tier-plan.ts'
import type { TierOptions, TierSave } from '../../core/aggregate/time-tiers.ts'
import { MAX_AHEAD_MS, printDuration, printTimestamp } from '../../core/attempt/timestamp.ts'
import { isShared, type LogReach, type Position } from '../../core/log.ts'
import type { PlanTiers, RestoredState } from '../snapshot/decode.ts'
import { reachOf } from './reach.ts'
import { type RecountOptions, recountTiers } from './recount-tiers.ts'

/** No time is covered. */
const NEVER = Number.POSITIVE_INFINITY

export interface RestoredTiers extends RestoredState {
  /** One sentence for each setting that differs from the snapshot. */
  readonly changes: readonly string[]
}

/** `decode` restores the snapshot, at `position`, into an emptied state. Undefined if the snapshot is damaged. */
export async function restoreTiers(
  options: RecountOptions & { readonly keepTiers?: boolean | undefined },
  position: Position,
  decode: (plan: PlanTiers) => Promise<RestoredState | undefined>,
): Promise<RestoredTiers | undefined> {
  const { log, state, clock, logger, keepTiers = false } = options
  const { tally } = state
  const wanted = keepTiers ? undefined : tally.wantedTiers
  let reach: LogReach | undefined
  let logMs = NEVER
  const plan = (saved: readonly TierSave[]): TierPlan => planTiers({ wanted, saved, journalMs: logMs, nowMs: clock() })
  for (;;) {
    const restored = await decode(plan)
    if (restored === undefined) return undefined
    const idChanges = isShared(log.info) ? [] : changedIds(restored, log.info.limits.idWindow)
    if (!restored.plan.changed) return { ...restored, changes: idChanges }
    if (reach === undefined && !keepTiers) {
      reach = await reachOf(log)
      logMs = reach.completeMs + MAX_AHEAD_MS
      if (hasLogSource(plan(restored.savedTiers))) {
        logger.info('tiers changed: the journal is read again for them, which takes a while if it is long')
        continue
      }
    }
    const reachedMs = await fillTiers(options, restored.plan, { reach, until: position, logMs })
    // Part of the log is damaged. Another source may now cover more time than the log.
    if (reachedMs > logMs) logMs = reachedMs
    else return { ...restored, changes: [changedTiers(tally.wantedTiers, restored), ...idChanges] }
  }
}

const hasLogSource = ({ tiers }: TierPlan): boolean => tiers.some(({ source }) => source === 'journal')

interface Fill {
  readonly reach: LogReach | undefined
  readonly until: Position
  readonly logMs: number
}

/** Fills the tiers that come from the log or have no source. Returns the time since when the log is complete. */
async function fillTiers(options: RecountOptions, { tiers }: TierPlan, { reach, until, logMs }: Fill): Promise<number> {
  const { times } = options.state.tally
  for (const [tier, { source }] of tiers.entries()) {
    // An attempt may state a time up to this far ahead of the clock.
    if (source === undefined) times.restoreFloor(tier, options.clock() + MAX_AHEAD_MS)
  }
  const only = [...tiers.keys()].filter(tier => tiers[tier]!.source === 'journal')
  if (only.length === 0 || reach === undefined) return logMs
  return await recountTiers(options, only, { position: reach.position, until, completeMs: logMs })
}

function changedIds({ savedIds }: RestoredState, limit: number): string[] {
  return savedIds > limit ? [`id-window ${limit} is below the ${savedIds} ids held: only the newest stay known`] : []
}

function changedTiers(wanted: readonly TierOptions[], { plan, savedTiers }: RestoredState): string {
  const kept = plan.tiers.filter(({ spanMs }) => !wanted.some(tier => tier.spanMs === spanMs))
  const rebuilt = plan.tiers.filter(({ source }) => source === 'journal').map(({ floorMs }) => floorMs)
  return [
    `tiers changed: from ${tiersText(savedTiers)} to ${tiersText(wanted)}`,
    ...(rebuilt.length > 0 ? [`rebuilt from the journal ${backTo(Math.min(...rebuilt))}`] : []),
    ...(kept.length > 0 ? [`${tiersText(kept)} stays, because it reaches back further than the others`] : []),
  ].join('; ')
}

const backTo = (ms: number): string =>
  Number.isFinite(ms) ? `back to ${printTimestamp({ ms, local: false })}` : 'back to its beginning'

function tiersText(tiers: readonly Pick<TierSave, 'spanMs' | 'keepMs'>[]): string {
  const keepText = (ms: number): string => (ms === NEVER ? 'forever' : printDuration(ms))
  return tiers.map(({ spanMs, keepMs }) => `${printDuration(spanMs)}:${keepText(keepMs)}`).join(',')
}
