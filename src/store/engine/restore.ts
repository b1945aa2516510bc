/** Restores the state from the newest valid snapshot of a log. The caller then folds the groups after its position. */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { createAlertsState, replaceAlerts } from '../../core/alerts/lifecycle.ts'
import { MAX_AHEAD_MS } from '../../core/attempt/timestamp.ts'
import { apply, applyLimits, applyUncounted, type FoldState, type LogRecord } from '../../core/fold.ts'
import {
  isShared,
  type Log,
  LogTruncated,
  type Position,
  SnapshotDamaged,
  type StoredSnapshot,
} from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { alertsOf } from '../alert-json.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { decodeState, type PlanTiers, type RestoredState } from '../snapshot/decode.ts'
import type { SchemaChange } from '../snapshot/schema.ts'
import { foldGroup } from './fold-group.ts'
import { reachOf } from './reach.ts'
import { type RecountedPart, recountTiers } from './recount-tiers.ts'
import { type RestoredTiers, restoreTiers } from './restore-tiers.ts'

export interface RestoreOptions {
  readonly log: Pick<Log, 'info' | 'read' | 'reach' | 'snapshots' | 'leaveOut'>
  /** Replaced by the restored state. */
  readonly state: FoldState
  readonly clock: Clock
  readonly logger: Logger
  /** Keeps the tiers of the snapshot instead of those of the settings. For readers, which must not lose what the store has. */
  readonly keepTiers?: boolean | undefined
  /** Rejects with {@link LogTruncated}, and keeps the state, if neither a snapshot nor the log contains everything. */
  readonly mustBeComplete?: boolean | undefined
  /** The log had snapshots, but they were damaged. */
  readonly hadSnapshot?: boolean | undefined
  /** A document to start from if no snapshot is valid and part of the log has expired. */
  readonly document?: (() => Promise<CoveringDocument | undefined>) | undefined
}

/** A document that contains everything up to a position of the log. */
export interface CoveringDocument {
  readonly position: Position
  /** They lead to the state of the document. */
  readonly records: Iterable<LogRecord>
}

/** What was restored into the state. */
export interface Restored {
  /** The position of the state. The start of the log if it has no valid snapshot. */
  readonly position: Position
  /** One sentence for each difference between the snapshot and this program or its settings. */
  readonly changes: readonly string[]
  /** One of the changes: the parts of the snapshot that could not be converted. */
  readonly dropped?: string | undefined
  readonly hasSnapshot: boolean
  /** Records of the log that were counted. */
  readonly records: number
}

/** Replaces the state. Without a valid snapshot it is empty. */
export async function restoreState(options: RestoreOptions): Promise<Restored> {
  let isDamaged = options.hadSnapshot === true
  for (const snapshot of await options.log.snapshots()) {
    const decode = (plan?: PlanTiers): Promise<RestoredState | undefined> => decodeInto(options, snapshot, plan)
    const restored = await restoreTiers(options, snapshot.position, decode)
    isDamaged ||= restored === undefined
    if (restored === undefined) continue
    if (restored.schemaChange === undefined)
      return { position: snapshot.position, changes: restored.changes, hasSnapshot: true, records: 0 }
    return await restoreOtherSchema(options, snapshot, restored, restored.schemaChange)
  }
  return await restoreWithoutSnapshot(options, isDamaged)
}

/** Starts at the beginning of the log. If part of the log has expired, it starts at a document, or at the oldest remaining group. */
async function restoreWithoutSnapshot(options: RestoreOptions, isDamaged: boolean): Promise<Restored> {
  const { log, logger } = options
  const { position, completeMs } = await reachOf(log)
  if (options.mustBeComplete === true && completeMs > Number.NEGATIVE_INFINITY)
    throw new LogTruncated('part of the log has expired, and there is no snapshot of it')
  clearState(options)
  const restored = { position, changes: [], hasSnapshot: false, records: 0 }
  if (completeMs === Number.NEGATIVE_INFINITY) {
    if (isDamaged) logger.error('no snapshot can be read: the whole journal was counted again')
    return restored
  }
  const document = await options.document?.()
  if (document !== undefined) {
    logger.error('no snapshot can be read: the document was counted, and the journal after it')
    const part = { position, until: document.position, completeMs: completeMs + MAX_AHEAD_MS }
    return { ...restored, position: await restoreDocument(options, document, part) }
  }
  logger.error('no snapshot can be read, nor the document: the remaining journal was counted')
  await limitTiers(options, { position, until: position, completeMs: completeMs + MAX_AHEAD_MS })
  return restored
}

/** Returns the position of the document. Only ids and series of the records before it are taken from the log. */
async function restoreDocument(
  options: RestoreOptions,
  document: CoveringDocument,
  part: RecountedPart,
): Promise<Position> {
  const { log, state } = options
  // The log counts by time. The attempts that the document lists would be counted twice, so no tier accepts them.
  setFloors(state, Number.POSITIVE_INFINITY)
  for (const record of document.records) apply(state, record)
  setFloors(state, Number.NEGATIVE_INFINITY)
  await limitTiers(options, part)
  let { position } = part
  for await (const group of log.read(position, document.position)) {
    for (const record of group.records) applyUncounted(state, record)
    position = group.position
  }
  return position
}

function setFloors({ tally: { times } }: FoldState, floorMs: number): void {
  for (const tier of times.save().keys()) times.restoreFloor(tier, floorMs)
}

/** Counts a part of the log into all tiers, whose coverage begins with it. */
async function limitTiers(options: RestoreOptions, part: RecountedPart): Promise<void> {
  await recountTiers(options, [...options.state.tally.times.save().keys()], part)
}

/**
 * The snapshot has another schema. Folds the whole log again if it still contains everything. Otherwise keeps the converted parts, and
 * reports the dropped ones.
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
    return { ...folded, changes: [recounted], hasSnapshot: true }
  }
  // Folding the log replaced the converted state.
  await restoreTiers(options, snapshot.position, plan => decodeInto(options, snapshot, plan))
  const dropped = droppedText(change)
  return { position: snapshot.position, changes: [...changes, dropped], dropped, hasSnapshot: true, records: 0 }
}

/** Replaces the state by that of the whole log. Undefined if part of the log expired or is damaged. */
async function foldWholeLog(
  options: RestoreOptions,
  change: SchemaChange,
  savedTiers: readonly TierSave[],
): Promise<Pick<Restored, 'position' | 'records'> | undefined> {
  const { log, state, logger, keepTiers } = options
  const reach = await reachOf(log)
  if (reach.completeMs > Number.NEGATIVE_INFINITY) return undefined
  logger.info(`${changeText(change)}: the journal is counted again, which takes a while where it is long`)
  clearState(options)
  if (keepTiers === true) state.tally.times.reshape(savedTiers)
  let { position } = reach
  let records = 0
  for await (const group of log.read(position)) {
    if (group.isDamaged === true || group.records.some(lacksCopied)) return undefined
    for (const { kind } of foldGroup(log, state, group)) if (kind !== 'reset') records++
    position = group.position
  }
  return { position, records }
}

/** Whether it ends a copy of a damaged log. */
function lacksCopied(record: LogRecord): boolean {
  return record.kind === 'copy' && record.completeMs === Number.POSITIVE_INFINITY
}

/** Empties the state, with the settings and limits of this process. */
export function clearState({ log, state }: Pick<RestoreOptions, 'log' | 'state'>): void {
  const { limits, seed } = log.info
  state.tally.clear()
  state.tally.times.reshape(state.tally.wantedTiers)
  state.series.restore(Number.NEGATIVE_INFINITY, [])
  replaceAlerts(state.alerts, createAlertsState())
  state.isCopying = false
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
    if (restored.alerts !== undefined) replaceAlerts(options.state.alerts, alertsOf(restored.alerts))
    if (restored.limits !== undefined) applyLimits(options.state, restored.limits)
    return restored
  } catch (error) {
    if (!(error instanceof DecodingFailed || error instanceof SnapshotDamaged)) throw error
    const reason = messageOf(error)
    const { position } = snapshot
    if (snapshot.setAside !== undefined) await snapshot.setAside(reason)
    else options.logger.error('a snapshot cannot be read: an older one is used', { position, error: reason })
    return undefined
  }
}

/** The blocks of a snapshot were not written by this program. */
class DecodingFailed extends Error {}

async function decode(
  { log, state }: RestoreOptions,
  snapshot: StoredSnapshot,
  plan: PlanTiers | undefined,
): Promise<RestoredState> {
  const { idWindow, idWindowAgeMs } = log.info.limits
  // A shared log had larger limits since it was created, where they were raised.
  const idOptions = isShared(log.info) ? undefined : { limit: idWindow, keepMs: idWindowAgeMs }
  const decoder = decodeState(state.tally, state.series, idOptions, plan)
  const yieldToEventLoop = createEventLoopYield()
  let step = decoder.next()
  for await (const block of snapshot.blocks()) {
    if (step.done === true) throw new DecodingFailed('it goes on behind its end')
    try {
      step = decoder.next(block)
    } catch (error) {
      throw new DecodingFailed(messageOf(error))
    }
    await yieldToEventLoop()
  }
  if (step.done !== true) throw new DecodingFailed('it ends too early')
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
