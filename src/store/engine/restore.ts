/** Restores the state from the newest valid snapshot of a log. The caller then folds the groups after its position. */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { applyLimits, type FoldState } from '../../core/fold.ts'
import type { Log, Position, StoredSnapshot } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { decodeState, type PlanTiers, type RestoredState } from '../snapshot/decode.ts'
import type { SchemaChange } from '../snapshot/schema.ts'
import { foldGroup } from './fold-group.ts'
import { type RestoredTiers, restoreTiers } from './restore-tiers.ts'

export interface RestoreOptions {
  readonly log: Pick<Log, 'info' | 'read' | 'reach' | 'snapshots' | 'leaveOut'>
  /** Replaced by the restored state. */
  readonly state: FoldState
  readonly clock: Clock
  readonly logger: Logger
  /** Keeps the tiers of the snapshot instead of those of the settings. For readers, which must not lose what the store has. */
  readonly keepTiers?: boolean | undefined
}

/** What was restored into the state. */
export interface Restored {
  /** The position of the state. The start of the log if it has no valid snapshot. */
  readonly position: Position
  /** One sentence for each difference between the snapshot and this program or its settings. */
  readonly changes: readonly string[]
  /** One of the changes: what the snapshot contained that could not be converted. */
  readonly dropped?: string | undefined
  readonly hasSnapshot: boolean
}

/** Replaces the state. Without a valid snapshot it is empty. */
export async function restoreState(options: RestoreOptions): Promise<Restored> {
  for (const snapshot of await options.log.snapshots()) {
    const decode = (plan?: PlanTiers): Promise<RestoredState | undefined> => decodeInto(options, snapshot, plan)
    const restored = await restoreTiers(options, snapshot.position, decode)
    if (restored === undefined) continue
    if (restored.schemaChange === undefined)
      return { position: snapshot.position, changes: restored.changes, hasSnapshot: true }
    return await restoreOtherSchema(options, snapshot, restored, restored.schemaChange)
  }
  clearState(options)
  return { position: options.log.info.start, changes: [], hasSnapshot: false }
}

/**
 * The snapshot has another schema. Folds the whole log again if it still contains everything. Otherwise keeps what could be converted, and
 * says what was dropped.
 */
async function restoreOtherSchema(
  options: RestoreOptions,
  snapshot: StoredSnapshot,
  { changes, savedTiers }: RestoredTiers,
  change: SchemaChange,
): Promise<Restored> {
  const folded = await foldWholeLog(options, change, savedTiers)
  if (folded !== undefined) {
    const recounted = `${changeText(change)}: everything was counted again from the journal`
    return { position: folded, changes: [recounted], hasSnapshot: true }
  }
  // Folding the log replaced what had been converted.
  await restoreTiers(options, snapshot.position, plan => decodeInto(options, snapshot, plan))
  const dropped = droppedText(change)
  return { position: snapshot.position, changes: [...changes, dropped], dropped, hasSnapshot: true }
}

/** Replaces the state by that of the whole log. Undefined if part of the log expired or is damaged. */
async function foldWholeLog(
  options: RestoreOptions,
  change: SchemaChange,
  savedTiers: readonly TierSave[],
): Promise<Position | undefined> {
  const { log, state, logger, keepTiers } = options
  const reach = await log.reach()
  if (reach.completeMs > Number.NEGATIVE_INFINITY) return undefined
  logger.info(`${changeText(change)}: the journal is counted again, which takes a while where it is long`)
  clearState(options)
  if (keepTiers === true) state.tally.times.reshape(savedTiers)
  let { position } = reach
  for await (const group of log.read(position)) {
    if (group.isDamaged === true) return undefined
    foldGroup(log, state, group)
    position = group.position
  }
  return position
}

/** Empties the state, with the settings and limits of this process. */
export function clearState({ log, state }: Pick<RestoreOptions, 'log' | 'state'>): void {
  const { limits, seed } = log.info
  state.tally.clear()
  state.tally.times.reshape(state.tally.wantedTiers)
  state.series.restore(Number.NEGATIVE_INFINITY, [])
  state.alerts.clear()
  state.ids = createDedupWindow({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs, seed })
  applyLimits(state, limits)
}

/** Undefined if the snapshot is damaged. */
async function decodeInto(
  options: RestoreOptions,
  snapshot: StoredSnapshot,
  plan: PlanTiers | undefined,
): Promise<RestoredState | undefined> {
  clearState(options)
  try {
    const restored = await decode(options, snapshot, plan)
    options.state.ids = restored.ids
    for (const [alert, sinceMs] of restored.alerts) options.state.alerts.set(alert, sinceMs)
    return restored
  } catch (error) {
    options.logger.error('a snapshot cannot be read: an older one is used', {
      position: snapshot.position,
      error: messageOf(error),
    })
    return undefined
  }
}

async function decode(
  { log, state }: RestoreOptions,
  snapshot: StoredSnapshot,
  plan: PlanTiers | undefined,
): Promise<RestoredState> {
  const { idWindow, idWindowAgeMs } = log.info.limits
  const decoder = decodeState(state.tally, state.series, { limit: idWindow, keepMs: idWindowAgeMs }, plan)
  const yieldToEventLoop = createEventLoopYield()
  let step = decoder.next()
  for await (const block of snapshot.blocks()) {
    if (step.done === true) throw new RangeError('it goes on behind its end')
    step = decoder.next(block)
    await yieldToEventLoop()
  }
  if (step.done !== true) throw new RangeError('it ends too early')
  return step.value
}

function changeText({ bounds }: SchemaChange): string {
  return bounds.length > 0 ? `histogram bounds changed (${bounds.join(', ')})` : 'the layout of summaries changed'
}

function droppedText(change: SchemaChange): string {
  const kept = 'totals, averages and time ranges stay'
  if (change.dropped.length === 0) return `${changeText(change)}: nothing was dropped`
  const dropped = `histograms, spreads and calibration of what was recorded before were dropped (${change.dropped.join(', ')})`
  return `${changeText(change)}, and the journal does not hold everything that was counted: ${dropped}; ${kept}`
}
