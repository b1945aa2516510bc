/** What a start does where the numbers of a snapshot have another meaning than this program's: under other histogram bounds, or another layout. */
import { createDedupWindow, type DedupWindow } from '../../../core/aggregate/dedup-window.ts'
import type { Series } from '../../../core/aggregate/series.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import type { TierSave } from '../../../core/aggregate/time-tiers.ts'
import type { SchemaChange } from '../../snapshot/schema.ts'
import { ORIGIN } from '../journal/position.ts'
import { clearRestored } from '../snapshot/read-snapshot.ts'
import { type ReplayOptions, type ReplayResult, replay } from './replay.ts'

export interface RecountOptions extends Omit<ReplayOptions, 'state' | 'from' | 'countFrom' | 'records' | 'resetAt'> {
  /** All are emptied first. */
  readonly tally: Tally
  readonly series: Series
  readonly alerts: Map<string, number>
  /** The seed of the ids that the snapshot holds. */
  readonly seed: readonly [number, number]
  /** The tiers to go on with; those of the settings unless given. */
  readonly tiers?: readonly TierSave[] | undefined
}

/** What a recount found. */
export interface Recounted {
  readonly ids: DedupWindow
  readonly replayed: ReplayResult
}

/**
 * Counts the whole journal again, which must reach back to its beginning or a reset, in place of a snapshot that was restored. Answers undefined
 * where part of the journal is damaged or missing: the tally is empty then, and the snapshot holds more.
 */
export async function recountAll(options: RecountOptions): Promise<Recounted | undefined> {
  const { tally, series, alerts, idOptions, seed, tiers } = options
  alerts.clear()
  clearRestored(tally, series)
  if (tiers !== undefined) tally.times.reshape(tiers)
  const ids = createDedupWindow({ ...idOptions, seed })
  const replayed = await replay({
    ...options,
    state: { tally, series, alerts, ids },
    from: ORIGIN,
    countFrom: ORIGIN,
    records: 0,
  })
  if (replayed.damaged.size === 0 && replayed.missing.length === 0) return { ids, replayed }
  clearRestored(tally, series)
  return undefined
}

/** What is different, in a few words. */
export function changeOf({ bounds }: SchemaChange): string {
  return bounds.length > 0 ? `histogram bounds changed (${bounds.join(', ')})` : 'the layout of summaries changed'
}

/** What was dropped where the journal cannot be counted again. */
export function droppedText(change: SchemaChange): string {
  const kept = 'totals, averages and time ranges stay'
  if (change.dropped.length === 0) return `${changeOf(change)}: nothing was dropped`
  const dropped = `histograms, spreads and calibration of what was recorded before were dropped (${change.dropped.join(', ')})`
  return `${changeOf(change)}, and the journal does not hold everything that was counted: ${dropped}; ${kept}`
}
